"""Opens streams that Cordon wrote (check), or writes streams for Cordon to open (make), with Google's Tink."""

import io
import pathlib
import sys

from tink import proto_keyset_format, secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2 as streaming
from tink.proto import common_pb2 as common
from tink.proto import tink_pb2 as proto

verb, key, folder = sys.argv[1], bytes.fromhex(sys.argv[2]), pathlib.Path(sys.argv[3])
streaming_aead.register()

params = streaming.AesGcmHkdfStreamingParams(
    ciphertext_segment_size=1 << 20, derived_key_size=32, hkdf_hash_type=common.SHA256
)
stream_key = streaming.AesGcmHkdfStreamingKey(version=0, params=params, key_value=key)
keyset = proto.Keyset(primary_key_id=1)
keyset.key.add(
    key_data=proto.KeyData(
        type_url="type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
        value=stream_key.SerializeToString(),
        key_material_type=proto.KeyData.SYMMETRIC,
    ),
    status=proto.ENABLED,
    key_id=1,
    output_prefix_type=proto.RAW,
)
handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
primitive = handle.primitive(streaming_aead.StreamingAead)
associated_data = (folder / "ad").read_bytes()

for plain_path in sorted(folder.glob("*.plain")):
    plain = plain_path.read_bytes()
    if verb == "check":
        source = io.BytesIO(plain_path.with_suffix(".ours").read_bytes())
        with primitive.new_decrypting_stream(source, associated_data) as stream:
            assert stream.read() == plain, plain_path
    else:
        with open(plain_path.with_suffix(".tink"), "wb") as target:
            with primitive.new_encrypting_stream(target, associated_data) as stream:
                stream.write(plain)
