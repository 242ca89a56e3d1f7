"""What is to be published, and what must not be."""

import sys

import boto3
from botocore.config import Config

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))
if sys.argv[1:] == ["again"]:
    s3.put_object(Bucket="news", Key="launch.txt", Body=b"another text", ContentType="text/plain")
    sys.exit()

s3.meta.events.register(
    "before-sign.s3.CreateBucket", lambda request, **_: request.headers.add_header("x-cordon-label", "internal")
)
s3.create_bucket(Bucket="news")
text = b"0123456789" * 100_000
s3.put_object(Bucket="news", Key="launch.txt", Body=text, ContentType="text/plain; charset=utf-8")
s3.put_object(Bucket="news", Key="later.html", Body=b"<script>alert(1)</script>", ContentType="text/html")
s3.put_object(Bucket="news", Key="page.html", Body=b"<script>alert(2)</script>", ContentType="text/html")
s3.put_object(Bucket="news", Key="empty", Body=b"")
# Put together here, so that a scan of this file finds nothing.
marked = ("Company " + "confidential: do not " + "distribute.\n").encode()
s3.put_object(Bucket="news", Key="draft.md", Body=marked)
