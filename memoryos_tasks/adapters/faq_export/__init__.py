"""Places that FAQs are exported to."""
