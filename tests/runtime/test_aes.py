import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sst.runtime.aes import Tampered, decrypt

KEY = "feffe9928665731c6d6a8f9467308308" * 2
TEXT = ("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
        "b16aedf5aa0de657ba637b391aafd255")
SEALED = ("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
          "c5f61e6393ba7a0abcc9f662898015ad")


@pytest.mark.parametrize(("key", "nonce", "extra", "text", "sealed"), [
    ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "", "00" * 16, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    (KEY, "cafebabefacedbaddecaf888", "", TEXT, SEALED + "b094dac5d93471bdec1a502270e3cc6c"),
    (KEY, "cafebabefacedbaddecaf888", "feedfacedeadbeef" * 2 + "abaddad2", TEXT[:120],
     SEALED[:120] + "76fc6ece0f4e1768cddf8853bb2d551b"),
])
def test_the_vectors_of_the_gcm_specification(key: str, nonce: str, extra: str, text: str, sealed: str) -> None:
    """Test cases 13 to 16 of the specification that was submitted to NIST."""
    assert decrypt(*map(bytes.fromhex, (key, nonce, sealed, extra))).hex() == text


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12), st.binary(max_size=200),
       st.binary(max_size=40))
def test_it_agrees_with_another_implementation(key: bytes, nonce: bytes, text: bytes, extra: bytes) -> None:
    assert decrypt(key, nonce, AESGCM(key).encrypt(nonce, text, extra), extra) == text


@given(st.integers(0, 8 * 56 - 1))
def test_one_changed_bit_is_noticed(bit: int) -> None:
    sealed = bytearray(AESGCM(bytes(32)).encrypt(bytes(12), b"forty bytes of text, no more and no less", None))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        decrypt(bytes(32), bytes(12), bytes(sealed))


def test_a_wrong_key_a_cut_text_and_wrong_sizes_are_refused() -> None:
    sealed = AESGCM(bytes(32)).encrypt(bytes(12), b"text", None)
    with pytest.raises(Tampered, match="does not fit the key"):
        decrypt(b"\1" * 32, bytes(12), sealed)
    with pytest.raises(Tampered, match="cut"):
        decrypt(bytes(32), bytes(12), sealed[:10])
    with pytest.raises(ValueError, match="32 bytes"):
        decrypt(bytes(16), bytes(12), sealed)


def test_many_blocks() -> None:
    text = bytes(range(256)) * 400
    assert decrypt(bytes(32), bytes(12), AESGCM(bytes(32)).encrypt(bytes(12), text, None)) == text
