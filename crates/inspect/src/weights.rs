//! Files that are model weights, by content.

/// Names the format when `head` (the first bytes, a few KiB at best) is the beginning of a weight file.
#[must_use]
pub fn weights_format(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"GGUF") && head.len() >= 8 {
        return Some("GGUF");
    }
    if [&b"ggml"[..], b"ggjt", b"ggla", b"lmgg", b"tjgg"].iter().any(|magic| head.starts_with(magic)) {
        return Some("GGML");
    }
    if is_safetensors(head) {
        return Some("safetensors");
    }
    let has = |needle: &[u8]| memchr::memmem::find(head, needle).is_some();
    if head.starts_with(b"\x89HDF\r\n\x1a\n") && (has(b"model_weights") || has(b"keras") || has(b"layer_names")) {
        return Some("Keras HDF5");
    }
    if head.starts_with(b"PK\x03\x04") && (has(b"/data.pkl") || has(b"archive/data.pkl") || has(b"model.weights.h5")) {
        return Some(if has(b"model.weights.h5") { "Keras" } else { "PyTorch" });
    }
    if head.get(4..8) == Some(b"TFL3") {
        return Some("TensorFlow Lite");
    }
    if head.starts_with(b"\x80") && (has(b"torch._utils") || has(b"_rebuild_tensor")) {
        return Some("PyTorch pickle");
    }
    is_onnx(head).then_some("ONNX")
}

/// Eight bytes of length, then a JSON object that names tensors with a dtype.
fn is_safetensors(head: &[u8]) -> bool {
    let Some(Ok(length)) = head.get(..8).map(<[u8; 8]>::try_from) else { return false };
    let length = u64::from_le_bytes(length);
    (2..=100 << 20).contains(&length)
        && head.get(8) == Some(&b'{')
        && memchr::memmem::find(head, b"\"dtype\"").is_some()
        && memchr::memmem::find(head, b"\"data_offsets\"").is_some()
}

/// A protobuf that begins with `ir_version` (field 1, a small number) and names a producer (field 2) or a graph (field 7).
fn is_onnx(head: &[u8]) -> bool {
    matches!(head, [0x08, 1..=20, 0x12, len, ..] if {
        let name = head.get(4..4 + usize::from(*len)).unwrap_or_default();
        *len > 0 && *len < 64 && name.len() == usize::from(*len) && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
            && matches!(head.get(4 + usize::from(*len)), Some(0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42))
    }) || matches!(head, [0x08, 1..=20, 0x3a, ..])
        && memchr::memmem::find(head, b"\x0a").is_some()
        && memchr::memmem::find(head, b"Conv")
            .or(memchr::memmem::find(head, b"MatMul"))
            .or(memchr::memmem::find(head, b"Gemm"))
            .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_content() {
        let header = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        assert_eq!(weights_format(&file), Some("safetensors"));
        assert_eq!(weights_format(b"GGUF\x03\0\0\0"), Some("GGUF"));
        assert_eq!(weights_format(b"\x08\x07\x12\x07pytorch\x1a\x011"), Some("ONNX"));
        assert_eq!(weights_format(b"{\"dtype\": 1}"), None);
        assert_eq!(weights_format(b""), None);
    }
}
