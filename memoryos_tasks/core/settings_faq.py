"""The settings of FAQs: what becomes one, and where they are exported to."""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_tasks.core.spec import setting

_HTTP = ("http", "https")


@dataclass(frozen=True, slots=True)
class Faq:
    """Questions that a tenant's users ask often: answered at once, without a model (tier 0)."""

    enabled: bool = setting(True, "Count questions and answer FAQs. Off: nothing is counted, and no FAQ answers.")
    auto_promote: bool = setting(True, "Make candidates FAQs by themselves; off: only an operator does.")
    min_asks: int = setting(10, "Asks within the window that a candidate needs.", low=1, high=1000000)
    min_heat: float = setting(
        50.0, "Heat that it needs: an ask is worth 10 on its day, half of it 15 days later.", low=0, high=1000000)
    window_days: int = setting(30, "Days after which an ask no longer counts.", low=1, high=30)
    min_similarity: float = setting(
        0.92, "Mean cosine that the wordings and the answers of a candidate must have; answers that name different "
        "numbers are unlike.", low=0, high=1)
    min_answers: int = setting(
        3, "Answers to compare, given without any memory of their user.", low=1, high=16)
    min_users: int = setting(
        1, "Different users who must have asked; 2 or more where users are people who should not see each other's "
        "words.", low=1, high=1000)
    cold_heat: float = setting(10.0, "Heat below which an FAQ that was not made by hand is none any more.",
                               low=0, high=1000000)
    max_questions: int = setting(
        10_000, "Questions of one tenant that are counted; those asked longest ago are forgotten first.",
        low=100, high=1000000)
    export_timeout: float = setting(20.0, "Limit of one request to S3 or Confluence.", low=0.1, high=600)
    s3_endpoint: str = setting(
        "", "Where FAQs are exported to: https://s3.eu-central-1.amazonaws.com, or any server that speaks S3.",
        schemes=_HTTP)
    s3_region: str = setting("us-east-1", "Region that requests are signed for.", nonempty=True)
    s3_bucket: str = setting("", "Bucket that takes the document.")
    s3_key: str = setting("memoryos/faq-{tenant}.md", "Name of the object; {tenant} is replaced.", nonempty=True)
    s3_access_key: str = setting("", "Access key id of an account that may write there.", secret=True)
    s3_secret_key: str = setting("", "Its secret access key.", secret=True)
    confluence_base_url: str = setting(
        "", "Base URL of Confluence's REST API, such as https://NAME.atlassian.net/wiki.", schemes=_HTTP)
    confluence_space: str = setting("", "Key of the space that takes the page.")
    confluence_parent: str = setting("", "Id of the page under which it is put; unset: the top of the space.")
    confluence_title: str = setting("FAQ ({tenant})", "Title of the page; {tenant} is replaced.", nonempty=True)
    confluence_user: str = setting(
        "", "E-mail address of the account in the cloud; unset: the token is a personal access token (data center).")
    confluence_token: str = setting("", "API token of that account.", secret=True)
