"""Moto's S3 on a free port, in a thread of this process."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from itertools import count
from typing import Any

from recordings.s3 import Bucket

NUMBERS = count(1)
KEYS = {"key_id": "test", "secret": "test", "region": "eu-west-2"}


class Store:
    """A running store; each `bucket` is a new one."""

    def __init__(self, endpoint: str) -> None:
        import boto3  # noqa: PLC0415 - only where it is used

        self.endpoint = endpoint
        self.client: Any = boto3.session.Session("test", "test", region_name="eu-west-2").client(
            "s3", endpoint_url=endpoint
        )

    def bucket(self, prefix: str = "", *, versioned: bool = False) -> Bucket:
        name = f"bucket-{next(NUMBERS)}"
        where = {"LocationConstraint": "eu-west-2"}
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration=where)
        if versioned:
            self.client.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        return Bucket(name, prefix, self.endpoint, **KEYS)

    def keys(self, bucket: Bucket) -> list[str]:
        found = self.client.list_objects_v2(Bucket=bucket.name).get("Contents", ())
        return [one["Key"] for one in found]

    def versions(self, bucket: Bucket) -> int:
        found = self.client.list_object_versions(Bucket=bucket.name)
        return len(found.get("Versions", ())) + len(found.get("DeleteMarkers", ()))


@contextlib.contextmanager
def object_store() -> Iterator[Store]:
    """Serve S3 while the block lasts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server.start()
    try:
        host, port = server.get_host_and_port()
        yield Store(f"http://{host}:{port}")
    finally:
        server.stop()
