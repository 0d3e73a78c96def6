"""The checked-in codec is what the generator makes of the public schemas, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.v2g import codec
from adapters.v2g.schema.__main__ import main, stale
from adapters.v2g.schema.emit_common import Names, StringKeys
from adapters.v2g.schema.grammar import Grammar
from adapters.v2g.schema.model import ComplexType, Element, SchemaError, SchemaSet
from adapters.v2g.schema.share import shared_types
from adapters.v2g.schema.xsd import FAMILIES, SCHEMA_FILES, load
from tests.v2g.oracle import OracleUnavailable, unpacked_wheel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def schemas() -> Path:
    """The public schemas as they lie in the wheel."""
    try:
        return unpacked_wheel() / "iso15118" / "shared" / "schemas"
    except OracleUnavailable as reason:
        pytest.skip(f"the wheel with the public schemas cannot be had: {reason}")


def test_regeneration_changes_nothing(schemas: Path) -> None:
    """A hand edit of a generated module, or a generator changed without running it, is found here."""
    assert stale(schemas) == []
    assert main(["--xsd-dir", str(schemas), "--check"]) == 0


def test_generating_twice_gives_the_same(schemas: Path) -> None:
    """Output does not depend on hash order."""
    command = [sys.executable, "-m", "adapters.v2g.schema", "--xsd-dir", str(schemas), "--check"]
    for seed in ("1", "2"):
        run = subprocess.run(
            command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr


def test_every_protocol_is_of_one_family() -> None:
    assert sorted(protocol for family in FAMILIES.values() for protocol in family) == sorted(SCHEMA_FILES)


# Sizes counted by hand and by other generators: (global elements, bits of the document code, names, bits of the
# fragment code). Source: reference facts on the public schemas.
@pytest.mark.parametrize(
    ("protocol", "elements", "document_bits", "names", "fragment_bits"),
    [
        ("sap", 2, 2, 9, 4),
        ("din", 81, 7, 245, 8),
        ("iso2", 80, 7, 243, 8),
        ("iso20", 54, 6, 281, 9),
        ("iso20-ac", 42, 6, 154, 8),
        ("iso20-dc", 48, 6, 149, 8),
        ("iso20-acdp", 34, 6, 129, 8),
        ("iso20-wpt", 38, 6, 193, 8),
        ("xmldsig", 24, 5, 45, 6),
    ],
)
def test_the_grammars_have_the_sizes_others_found(
    protocol: str, elements: int, document_bits: int, names: int, fragment_bits: int
) -> None:
    schema = codec.schema(protocol)
    assert (len(schema.documents), len(schema.documents).bit_length()) == (elements, document_bits)
    assert (len(schema.fragments), (len(schema.fragments) + 1).bit_length()) == (names, fragment_bits)


def grammar_of(schema: SchemaSet, name: str) -> Grammar:
    return Grammar(schema, next(kind for kind in schema.all_complex_types() if kind.label == name))


def test_optional_elements_share_a_state(schemas: Path) -> None:
    """After EVTargetCurrent of CurrentDemandReq five elements may come: 3 bits with the escape, not 3 states."""
    grammar = grammar_of(load(schemas, "iso2"), "CurrentDemandReqType")
    names = [grammar.positions[i].name for i in sorted(grammar.follow[1])]
    assert names == [
        "EVMaximumVoltageLimit",
        "EVMaximumCurrentLimit",
        "EVMaximumPowerLimit",
        "BulkChargingComplete",
        "ChargingComplete",
    ]


def test_substitution_groups_keep_their_abstract_head(schemas: Path) -> None:
    """ISO 15118-2's Body offers 35 codes: 34 messages in the order of their names, and the head among them."""
    grammar = grammar_of(load(schemas, "iso2"), "BodyType")
    members = [element.name.local for element in grammar.positions[0].elements]
    assert members == sorted(members)
    assert len(members) == 35
    assert "BodyElement" in members


def test_unknown_schema_constructs_are_refused(tmp_path: Path) -> None:
    """A later schema with something new must not compile into a codec that drops it."""
    head = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">'
    for body, complaint in (
        ('<xs:group name="g"/>', "top level"),
        ('<xs:element name="e" type="xs:dateTime"/>', "dateTime"),
        ('<xs:element name="e" type="missing"/>', "missing"),
        ('<xs:element name="e" nillable="true" type="xs:string"/>', "nillable"),
        (
            '<xs:simpleType name="t"><xs:restriction base="xs:string"><xs:pattern value="a"/></xs:restriction>'
            "</xs:simpleType>",
            "pattern",
        ),
        ('<xs:complexType name="t"><xs:all/></xs:complexType>', "all"),
        ('<xs:import namespace="urn:o" schemaLocation="other.xsd"/>', "other.xsd"),
    ):
        (tmp_path / "V2G_CI_AppProtocol.xsd").write_text(f"{head}{body}</xs:schema>", encoding="utf-8")
        with pytest.raises(SchemaError, match=complaint):
            load(tmp_path, "sap")


def test_only_what_is_the_same_everywhere_is_generated_once(tmp_path: Path) -> None:
    """B is shorter in one set; C holds a B; D is a message of its own; E is of one set only: none of them is shared."""
    folder = tmp_path / "iso15118_20"
    folder.mkdir()
    schema = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:c="urn:c"'

    def kind(name: str, type_: str) -> str:
        element = f'<xs:element name="of{name}" type="{type_}"/>'
        return f'<xs:complexType name="{name}"><xs:sequence>{element}</xs:sequence></xs:complexType>'

    for part, length, more in (("DC", 9, ""), ("AC", 8, kind("E", "xs:boolean"))):
        root = f'{schema} targetNamespace="urn:{part}"><xs:import namespace="urn:c" schemaLocation="{part}.xsd"/>'
        (folder / f"V2G_CI_{part}.xsd").write_text(f"{root}</xs:schema>", encoding="utf-8")
        facet = f'<xs:restriction base="xs:string"><xs:maxLength value="{length}"/></xs:restriction>'
        types = kind("A", "xs:boolean") + kind("B", "c:text") + kind("C", "c:B") + kind("D", "xs:boolean") + more
        body = f'<xs:simpleType name="text">{facet}</xs:simpleType>{types}<xs:element name="d" type="c:D"/></xs:schema>'
        (folder / f"{part}.xsd").write_text(f'{schema} targetNamespace="urn:c">{body}', encoding="utf-8")
    schemas = {protocol: load(tmp_path, protocol) for protocol in ("iso20-dc", "iso20-ac")}
    keys = StringKeys(schemas.values())
    sets = [Names(protocol, schema, keys) for protocol, schema in schemas.items()]
    assert [part.name.local for part in shared_types(sets)] == ["A"]
    assert shared_types(sets[:1]) == []


def test_a_missing_schema_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--xsd-dir", str(tmp_path), "--check"]) == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "not.whl").write_bytes(b"no wheel")
    assert main(["--wheel", str(tmp_path / "not.whl"), "--check"]) == 2


def test_the_model_knows_types_and_facets(schemas: Path) -> None:
    """What the generator of the codec reads: lengths that are exact, ranges, enumerations in schema order."""
    schema = load(schemas, "iso20")
    by_name: dict[str, Element] = {e.name.local: e for e in schema.declarations}
    challenge = by_name["GenChallenge"].type
    assert not isinstance(challenge, ComplexType)
    assert (challenge.min_length, challenge.max_length) == (16, 16)
    soc = by_name["TargetSOC"].type
    assert not isinstance(soc, ComplexType)
    assert (soc.minimum, soc.maximum) == (0, 100)
    processing = by_name["EVSEProcessing"].type
    assert not isinstance(processing, ComplexType)
    assert processing.values == ("Finished", "Ongoing", "Ongoing_WaitingForCustomerInteraction")
