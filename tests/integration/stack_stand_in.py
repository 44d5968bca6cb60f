"""A stack whose programs are stand-ins: ``python stack_stand_in.py`` runs one, configured by the environment."""

from __future__ import annotations

import http.server
import os
import sys
import time


def main() -> int:
    """Run redis, a gateway that answers every GET and a worker that sleeps; with STAND_IN_BROKEN one that fails."""
    from memoryos_app.stack.plan import make_plan
    from memoryos_app.stack.program import Program
    from memoryos_app.stack.up import Stack
    from memoryos_tasks.adapters.config.toml import read

    names = ["gateway", "worker", *(["broken"] if "STAND_IN_BROKEN" in os.environ else [])]
    programs = [Program(name, (sys.executable, __file__, name)) for name in names]
    return Stack(make_plan(read(os.environ), os.environ, programs)).run()


class Answer(http.server.BaseHTTPRequestHandler):
    """200 to everything."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if role == "gateway":
        port = int(os.environ["MEMORYOS__GATEWAY__PORT"])
        http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
    elif role == "broken":
        sys.exit(3)
    while role:
        time.sleep(60)
    sys.exit(main())
