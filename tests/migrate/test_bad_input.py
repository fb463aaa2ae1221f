"""A file that cannot be migrated is one clear error."""

import pytest

from tests.migrate.public import PUBLIC

CHORD = PUBLIC["mix_chord of 0.5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CHORD.replace("  repeat_times", "\trepeat_times"), r"line 7: got a tab, expected YAML"),
        (CHORD + "<<<<<<< HEAD\n", r"got a merge conflict, expected YAML"),
        (CHORD + "project: twice\n", r"duplicate key project"),
        (CHORD + "  wrong: [1\n", r"not YAML"),
        ("", r"got no keys"),
        ("- 1\n", r"got no keys"),
        (CHORD.replace("seed: 42", "seed: &s 42") + "x: *s\n", r"got a YAML alias"),
        ("algorithm: {algorithm_type: grpo}\n", r"got 'grpo', expected 'mix' or 'mix_chord'"),
        ("algorithm: {algorithm_type: sft}\n", r"WeightedSFTAlgorithm"),
        ("model: {}\n", r"got None, expected 'mix'"),
        (CHORD + "stages: [{stage_name: a}]\n", r"got 1 stages, expected none"),
        ("algorithm: {algorithm_type: chord_mu}\n", r"there is nothing to migrate"),
        (
            CHORD.replace("  batch_size: 32\n", "  batch_size: many\n").replace("0.20", "20"),
            r"2 problems\n.*`buffer.batch_size`: got 'many'.*\n.*expert_data_ratio`: got 20",
        ),
    ],
)
def test_the_message_says_what_is_wrong(migrate, text, message):
    with pytest.raises(ValueError, match=message):
        migrate(text)


def test_bytes_that_are_not_text_are_refused(tmp_path, migrate):
    from trinity_chord.migrate.migrate import migrate_file

    path = tmp_path / "old.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="expected text in UTF-8"):
        migrate_file(path)
