"""What programs of other kinds do with the endpoint that the environment names: `object_store` (Rust, by way of its Python package), and a loader
that streams a dataset (Apache Arrow, by way of the SDK of AWS for C++)."""

import hashlib
import os
from urllib.parse import urlparse

import boto3
import obstore
import pyarrow
import pyarrow.dataset
from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError
from obstore.store import S3Store
from pyarrow.fs import FileSelector, S3FileSystem

ENDPOINT = os.environ["AWS_ENDPOINT_URL_S3"]
KEY = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_SESSION_TOKEN"]


def object_store():
    own = dict(zip(("access_key_id", "secret_access_key", "session_token"), KEY))
    store = S3Store("loaders", endpoint=ENDPOINT, region="us-east-1", client_options={"allow_http": True}, **own)
    large = bytes(range(256)) * (1 << 16)  # 16 MiB
    obstore.put(store, "a/one.txt", b"one")
    obstore.put(store, "a/large.bin", large, chunk_size=5 << 20)  # in parts
    got = obstore.get(store, "a/large.bin")
    digest = hashlib.sha256()
    for chunk in got.stream(min_chunk_size=1 << 20):
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(large).digest()
    assert bytes(obstore.get_range(store, "a/large.bin", start=1000, end=1300)) == large[1000:1300]
    several = obstore.get_ranges(store, "a/large.bin", starts=[0, 9 << 20], ends=[10, (9 << 20) + 7])
    assert [bytes(one) for one in several] == [large[:10], large[9 << 20 : (9 << 20) + 7]]
    head = obstore.head(store, "a/one.txt")
    assert head["size"] == 3 and head["e_tag"]
    try:
        obstore.put(store, "a/one.txt", b"two", mode="create")
        raise AssertionError("it was there already")
    except AlreadyExistsError:
        pass
    obstore.put(store, "a/one.txt", b"two", mode={"e_tag": head["e_tag"]})
    try:
        obstore.put(store, "a/one.txt", b"three", mode={"e_tag": head["e_tag"]})
        raise AssertionError("it is another by now")
    except PreconditionError:
        pass
    obstore.copy(store, "a/one.txt", "b/copy.txt")
    listed = sorted(one["path"] for page in obstore.list(store) for one in page)
    assert listed == ["a/large.bin", "a/one.txt", "b/copy.txt"], listed
    assert sorted(obstore.list_with_delimiter(store)["common_prefixes"]) == ["a", "b"]
    obstore.delete(store, ["a/large.bin", "a/one.txt", "b/copy.txt"])
    try:
        obstore.get(store, "a/one.txt")
        raise AssertionError("it was deleted")
    except (NotFoundError, FileNotFoundError):
        pass


def loader():
    own = dict(zip(("access_key", "secret_key", "session_token"), KEY))
    place = urlparse(ENDPOINT)
    files = S3FileSystem(endpoint_override=place.netloc, scheme=place.scheme, region="us-east-1", **own)
    rows = 200_000
    table = pyarrow.table({"shard": [row % 4 for row in range(rows)], "row": range(rows), "text": ["x" * (row % 50) for row in range(rows)]})
    partitions = pyarrow.dataset.partitioning(pyarrow.schema([("shard", pyarrow.int64())]))
    pyarrow.dataset.write_dataset(
        table, "loaders/corpus", filesystem=files, format="parquet", partitioning=partitions, max_rows_per_group=10_000
    )
    found = files.get_file_info(FileSelector("loaders/corpus", recursive=True))
    assert sum(one.is_file for one in found) == 4, found
    corpus = pyarrow.dataset.dataset("loaders/corpus", filesystem=files, format="parquet", partitioning=partitions)
    seen = 0
    for batch in corpus.to_batches(columns=["row"], batch_size=1_000, batch_readahead=4, fragment_readahead=2):
        seen += sum(batch.column("row").to_pylist())
    assert seen == rows * (rows - 1) // 2
    some = corpus.to_table(columns=["text"], filter=(pyarrow.dataset.field("shard") == 3) & (pyarrow.dataset.field("row") < 1_000))
    assert some.num_rows == 250
    files.delete_dir("loaders/corpus")


boto3.client("s3").create_bucket(Bucket="loaders")
object_store()
loader()
print("both are served")
