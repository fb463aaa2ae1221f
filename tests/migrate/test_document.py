"""Edits of a YAML leave everything else as its author wrote it."""

import pytest

from trinity_chord.migrate.document import Document

TEXT = """\
# top
a: 1 # one

# about b
b:
  c: "two" # two
  # about d
  d:
    e: 1e-6
    # after e

  f: False
# about g
g:
  - x: 1 # item
    y: [1, 2]
    # tail
  - x: 3
# end
"""


@pytest.fixture
def document():
    return Document(TEXT, "test")


def edited(document, old, new):
    assert old in TEXT
    assert document.text() == TEXT.replace(old, new)


def test_without_edits_nothing_changes(document):
    assert document.text() == TEXT


def test_a_value_is_set_and_its_comment_stays(document):
    document.set("a", 2)
    edited(document, "a: 1 # one", "a: 2 # one")


def test_a_new_key_comes_before_the_comments_after_its_section(document):
    document.set("b.new", True)
    edited(document, "  f: False\n", "  f: False\n  new: true\n")


def test_missing_mappings_are_created(document):
    document.set("b.h.i", 0.000001)
    edited(document, "  f: False\n", "  f: False\n  h:\n    i: 1.0e-06\n")


def test_comments_of_the_next_section_stay_when_a_key_is_removed(document):
    document.remove("b.f")
    edited(document, "  f: False\n", "")


def test_a_mapping_that_becomes_empty_is_removed(document):
    document.remove("b.d.e")
    assert "  d:" not in document.text()
    assert "# after e" in document.text()


def test_a_renamed_key_keeps_its_place_and_comment(document):
    document.move("b.c", "b.renamed")
    edited(document, "  c:", "  renamed:")


def test_a_moved_value_takes_its_comment_along(document):
    document.move("b.c", "g.1.z")
    assert '    z: "two" # two\n' in document.text()
    assert "  c:" not in document.text()


def test_an_item_of_a_list_can_be_edited(document):
    document.set("g.1.x", 4)
    document.remove("g.0.y")
    edited(document, "    y: [1, 2]\n    # tail\n  - x: 3", "    # tail\n  - x: 4")


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "true"), (None, "null"), (1e-6, "1.0e-06"), ("yes", '"yes"'), ("0.5", '"0.5"')],
)
def test_values_are_read_back_as_they_were(document, value, written):
    document.set("b.new", value)
    assert f"  new: {written}\n" in document.text()
    assert Document(document.text(), "again").given("b.new") == value


def test_a_text_of_several_lines_is_read_back(document):
    document.set("b.new", "one: two\n# three")
    assert Document(document.text(), "again").given("b.new") == "one: two\n# three"


def test_a_value_from_an_unset_variable_counts_as_not_given(document):
    document.set("b.new", "${oc.env:CHORD_TEST_UNSET}")
    assert Document(document.text(), "again").given("b.new", "default") == "default"


def test_leaves_are_the_keys_of_values(document):
    assert list(document.leaves()) == ["a", "b.c", "b.d.e", "b.f", "g.0.x", "g.0.y", "g.1.x"]
