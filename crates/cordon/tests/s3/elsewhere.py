"""A store that is none of Cordon's, with a bucket in it: `serve` until standard input ends, and looks at the end."""

import datetime
import hashlib
import itertools
import json
import logging
import sys

import boto3
import moto.s3.models
from moto.server import ThreadedMotoServer

LONG = bytes(range(256)) * (1 << 13) * 17  # 34 MiB: three pieces


# It tells whole seconds, and marks of deletions apart from versions: what happens within one second has no order there.
SECONDS = itertools.count()
moto.s3.models.utcnow = lambda: datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=next(SECONDS))


def client(port, **more):
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", **more
    )


def fill(s3):
    s3.create_bucket(Bucket="old")
    s3.put_bucket_versioning(Bucket="old", VersioningConfiguration={"Status": "Enabled"})
    put = lambda key, body, **more: s3.put_object(Bucket="old", Key=key, Body=body, **more)
    put("plans/heron.md", b"first\n")
    put("plans/heron.md", b"second\n", ContentType="text/markdown", Metadata={"by": "ada"}, Tagging="team=atlas&q=a%20b")
    put("plans", b"a name that is a folder, too")
    put("weights.bin", LONG, CacheControl="no-cache")
    put("gone.txt", b"was here")
    s3.delete_object(Bucket="old", Key="gone.txt")
    put("back.txt", b"one")
    s3.delete_object(Bucket="old", Key="back.txt")
    put("back.txt", b"two")
    put("../odd %2F+name\u00e9?&.txt", b"odd")
    put("empty/", b"", ACL="public-read")
    for number in range(1100):
        put(f"many/{number:04}", f"{number}".encode())
    s3.create_bucket(Bucket="plain")
    s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Enabled"})


def story(s3, bucket):
    """All that is in a bucket: of each name its versions, the oldest first."""
    names = {}
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    lines = [line for page in pages for kind in ("Versions", "DeleteMarkers") for line in page.get(kind, [])]
    for line in sorted(lines, key=lambda line: (line["LastModified"], line["IsLatest"])):
        told = {"mark": "Size" not in line}
        # Of many that are alike, some are read.
        is_read = not line["Key"].startswith("many/") or line["Key"].endswith("00")
        if not told["mark"] and is_read:
            got = s3.get_object(Bucket=bucket, Key=line["Key"], VersionId=line["VersionId"])
            tags = s3.get_object_tagging(Bucket=bucket, Key=line["Key"], VersionId=line["VersionId"])["TagSet"]
            own = {name: value for name, value in got["Metadata"].items() if not name.startswith(("cordon-", "copied-"))}
            head = s3.head_object(Bucket=bucket, Key=line["Key"], VersionId=line["VersionId"])["ResponseMetadata"]["HTTPHeaders"]
            # What a vault says of its answer, and not of the object.
            is_own = "cordon-label" in got["Metadata"] and head.get("vary") != "*"
            told |= {
                "sha256": hashlib.sha256(got["Body"].read()).hexdigest(),
                "type": got["ContentType"],
                "cache": None if is_own else head.get("cache-control"),
                "own": own,
                "tags": sorted((tag["Key"], tag["Value"]) for tag in tags),
            }
        names.setdefault(line["Key"], []).append(told)
    return names


def serve():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    own = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = client(port, **own)
    fill(s3)
    print(port, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["what"] == "story":
            print(json.dumps(story(s3, asked["bucket"]), sort_keys=True), flush=True)
        elif asked["what"] == "put":
            s3.put_object(Bucket=asked["bucket"], Key=asked["key"], Body=asked["body"].encode())
            print("{}", flush=True)
        elif asked["what"] == "head":
            print(json.dumps(s3.head_object(Bucket=asked["bucket"], Key=asked["key"])["Metadata"]), flush=True)
    server.stop()


def vault(bucket):
    print(json.dumps(story(boto3.client("s3"), bucket), sort_keys=True))


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else vault(sys.argv[2])
