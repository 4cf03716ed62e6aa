"""Do-not-train marks, in every place and spelling that is known."""

import io
import json
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from vae.evaluation.corpus import encode, photograph, xmp_packet
from vae.screening import marks
from vae.screening.marks import PLUS_NAMESPACE, PLUS_VOCABULARY, assertion_marks, find_marks

IMAGE = photograph(np.random.default_rng(0), 64)
GENERATIVE = "DMI-PROHIBITED-GENAIMLTRAINING"
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF>'


def found_in(data: bytes) -> list[str]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return find_marks(data, image.info, image.getexif())


def found_in_packet(packet: bytes) -> list[str]:
    return find_marks(b"", {"xmp": packet}, {})


def test_the_vocabulary_is_that_of_plus():
    assert PLUS_NAMESPACE == "http://ns.useplus.org/ldf/xmp/1.0/"
    forbidding = ("", "-AIMLTRAINING", "-GENAIMLTRAINING", "-EXCEPTSEARCHENGINEINDEXING")
    forbidding += ("-SEECONSTRAINT", "-SEEEMBEDDEDRIGHTSEXPR", "-SEELINKEDRIGHTSEXPR")
    for ending in forbidding:
        assert found_in_packet(xmp_packet(f"DMI-PROHIBITED{ending}")) == [f"DMI-PROHIBITED{ending}"]
    for value in ("DMI-ALLOWED", "DMI-UNSPECIFIED", ""):
        assert found_in_packet(xmp_packet(value)) == []


@pytest.mark.parametrize(
    "inner",
    [
        f'<rdf:Description xmlns:x="{PLUS_NAMESPACE}" '
        f'x:DataMining="{PLUS_VOCABULARY}{GENERATIVE}"/>',
        f'<rdf:Description xmlns:x="{PLUS_NAMESPACE}">'
        f'<x:DataMining rdf:resource="{PLUS_VOCABULARY}{GENERATIVE}"/></rdf:Description>',
        f'<rdf:Description xmlns:x="{PLUS_NAMESPACE}"><x:DataMining>{GENERATIVE}</x:DataMining>'
        "</rdf:Description>",
        f'<rdf:Description xmlns:x="{PLUS_NAMESPACE}"><x:DataMining>'
        f"<rdf:Bag><rdf:li>{GENERATIVE}</rdf:li></rdf:Bag></x:DataMining></rdf:Description>",
    ],
)
def test_every_spelling_of_the_property_is_read(inner):
    packet = RDF.format(inner)
    assert found_in_packet(packet.encode()) == [GENERATIVE]
    assert found_in_packet(packet.encode("utf-16")) == [GENERATIVE]
    assert found_in_packet(packet.encode()[:-12]) == [GENERATIVE]  # cut short


def test_labels_that_some_programs_write_are_read():
    inner = f'<rdf:Description xmlns:x="{PLUS_NAMESPACE}" x:DataMining="{{}}"/>'
    label = RDF.format(inner.format("Prohibited for Generative AI/ML training"))
    assert found_in_packet(label.encode()) == ["DMI-PROHIBITED"]
    other = RDF.format('<rdf:Description xmlns:y="http://y/" y:DataMining="DMI-PROHIBITED"/>')
    assert found_in_packet(other.encode()) == []  # another property of that name
    assert found_in_packet(RDF.format(inner.format("Allowed")).encode()) == []


def test_every_place_of_a_packet_is_looked_at():
    packet = xmp_packet(GENERATIVE)
    exif = Image.Exif()
    exif[700] = packet
    words = PngImagePlugin.PngInfo()
    words.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
    raw = PngImagePlugin.PngInfo()
    raw.add_text("Raw profile type xmp", f"\nxmp\n  {len(packet)}\n{packet.hex()}\n", zip=True)
    after = encode(IMAGE, "PNG")
    chunk = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + packet
    late = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    for data in (
        encode(IMAGE, "JPEG", xmp=packet),
        encode(IMAGE, "WEBP", xmp=packet),
        encode(IMAGE, "JPEG", exif=exif),
        encode(IMAGE, "PNG", pnginfo=words),
        encode(IMAGE, "PNG", pnginfo=raw),
        after[:-12] + late + after[-12:],  # behind the pixels
        encode(IMAGE, "JPEG") + packet,  # behind the picture
    ):
        assert found_in(data) == [GENERATIVE]
    assert found_in(after) == []


def test_hostile_xml_is_no_trouble():
    bomb = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>" + "".join(
        f"<!ENTITY {c} '&{p};&{p};&{p};&{p};&{p};&{p};&{p};&{p};&{p};&{p};'>"
        for p, c in zip("bcdefghij", "cdefghijk", strict=True)
    )
    packet = f"{bomb}]><x:xmpmeta xmlns:x='x'>&k;</x:xmpmeta>".encode()
    assert found_in_packet(packet) == []
    assert found_in_packet(b"\0\xff" * 100) == []
    assert found_in_packet(b"") == []


def test_a_c2pa_assertion_is_found_in_the_bytes():
    data = encode(IMAGE, "JPEG")
    cbor = b"\xa1gentries\xa2x\x1bcawg.ai_generative_training\xa1cusejnotAllowed"
    assert found_in(data + b"jumb c2pa" + cbor) == ["C2PA ai_generative_training notAllowed"]
    older = b"\xa1gentries\xa1qc2pa.data_mining\xa2cusekconstrained"
    assert found_in(data + b"jumb" + older) == ["C2PA data_mining constrained"]
    allowed = cbor.replace(b"jnotAllowed", b"gallowed")
    assert found_in(data + b"jumb c2pa" + allowed) == []


def test_the_library_is_asked_where_it_is_installed(monkeypatch):
    assertion = {
        "label": "cawg.training-mining",
        "data": {"entries": {"cawg.ai_training": {"use": "notAllowed"}}},
    }
    store = {"manifests": {"a": {"assertions": [{"label": "c2pa.actions", "data": {}}, assertion]}}}
    asked = []

    class Reader:
        def __init__(self, mime, stream, context):
            asked.append((mime, context))

        def json(self):
            return json.dumps(store)

    library = SimpleNamespace(Reader=Reader, Context=SimpleNamespace(from_dict=lambda d: d))
    monkeypatch.setattr(marks, "load_c2pa", lambda: library)
    data = encode(IMAGE, "PNG")
    assert find_marks(data + b"jumb", {}, {}) == ["C2PA ai_training notAllowed"]
    assert find_marks(data, {}, {}) == []  # no manifest, so it need not be asked
    fetches = {"remote_manifest_fetch": False, "ocsp_fetch": False}
    assert asked == [("image/png", {"verify": fetches})]


def test_only_what_concerns_training_counts():
    entries = {
        "c2pa.ai_inference": {"use": "notAllowed"},
        "c2pa.ai_training": {"use": "allowed"},
        "c2pa.ai_generative_training": {"use": "constrained", "constraint_info": "ask me"},
        "c2pa.data_mining": "notAllowed",
    }
    assert list(assertion_marks({"entries": entries})) == [
        "C2PA ai_generative_training constrained"
    ]
    assert list(assertion_marks(None)) == []
