"""An edX platform as assessment backend: we are its proctoring provider, under `/edx`.

The platform's plugin is told `https://HOST/edx` as its base address. What it asks is answered by
`provider`, what it is to be told is carried by `carrier`.
"""
