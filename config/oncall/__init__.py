"""The sections `schedules` and `escalation`: who is on call, and who is paged when."""
