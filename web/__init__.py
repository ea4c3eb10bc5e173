"""The front office: composition root, API, pages, sign-in, mail, the backend adapters."""
