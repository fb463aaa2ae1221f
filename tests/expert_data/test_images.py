"""Rows with images: what the trainer gets, and what is refused with its file and row."""

import base64
import io
import json
import os
import struct
import zlib

import datasets
import pytest
import torch
from PIL import Image
from trinity.common.config import FormatConfig
from trinity.common.constants import PromptType

from tests.expert_data.reading import read
from tests.tiny_vision_model import UNIT, make_processor
from trinity_chord import images as reading
from trinity_chord.expert_data import ExpertDataError, ExpertSet, ExpertStream, StreamSettings

RED, BLUE = (255, 0, 0), (0, 0, 255)
IMAGES = FormatConfig(image_key="images", messages_key="messages")


def picture(color=RED, width=3, height=2):
    """An image of width × height tokens."""
    return Image.new("RGB", (width * UNIT, height * UNIT), color)


def encoded(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def address(image):
    return "data:image/png;base64," + base64.b64encode(encoded(image)).decode()


def row(content, images=None, answer="y"):
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]
    extra = {} if images is None else {"images": images}
    return {"messages": json.dumps(turns), **extra}


def part(value=None):
    return {"type": "image"} if value is None else {"type": "image", "image": value}


TEXT = {"type": "text", "text": "x"}


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vision")
    make_processor().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def open_images(model_path, tmp_path, write):
    """Open a stream of rows of a model that reads images."""

    def opened(rows, form=IMAGES, **settings):
        path = rows if isinstance(rows, str) else write(rows)
        settings = {"max_model_len": 1000, "cache_dir": tmp_path / "cache", **settings}
        return ExpertStream(
            [ExpertSet("sft", path, format=form)], StreamSettings(model_path, **settings)
        )

    return opened


@pytest.fixture
def problem(open_images):
    def text(rows, form=IMAGES, **settings):
        with pytest.raises(ExpertDataError) as caught:
            open_images(rows, form, **settings)
        return str(caught.value)

    return text


def expected_inputs(messages):
    processor = make_processor()
    return processor.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_tensors="pt"
    )


WAYS = {
    "in a part": row([part(address(picture())), TEXT]),
    "as OpenAI writes it": row(
        [{"type": "image_url", "image_url": {"url": address(picture())}}, TEXT]
    ),
    "in the column, at a part": row([part(), TEXT], [address(picture())]),
    "in the column, at a tag in text": row("<image>x", [address(picture())]),
    "in the column, at a tag in a part": row(
        [{"type": "text", "text": "<image>x"}], [address(picture())]
    ),
    "a file": row([part(), TEXT], ["pictures/red.png"]),
    "one image, not a list": row([part(), TEXT], "pictures/red.png"),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_image_reaches_the_trainer_as_the_processor_makes_it(way, open_images, tmp_path):
    (tmp_path / "pictures").mkdir()
    picture().save(tmp_path / "pictures" / "red.png")
    form = IMAGES if "images" in WAYS[way] else FormatConfig(messages_key="messages")
    (found,) = read(open_images([WAYS[way]], form), 1)
    turns = [
        {"role": "user", "content": [part(picture()), TEXT]},
        {"role": "assistant", "content": "y"},
    ]
    expected = expected_inputs(turns)
    assert found.tokens.tolist() == expected.pop("input_ids")[0].tolist()
    expected.pop("attention_mask")
    assert found.multi_modal_inputs.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found.multi_modal_inputs[key], value)


def test_lengths_computed_by_hand(open_images):
    """An image of 3 × 2 tokens adds 6 and the two marks around it: 8.

    <|im_start|>user⏎ is 6, x<|im_end|>⏎ 3, <|im_start|>assistant⏎ 11, y<|im_end|>⏎ 3.
    """
    (found,) = read(open_images([row("<image>x", [address(picture())])]), 1)
    assert (found.prompt_length, len(found.tokens)) == (6 + 8 + 3 + 11, 6 + 8 + 3 + 11 + 3)
    assert found.multi_modal_inputs["image_grid_thw"].tolist() == [[1, 4, 6]]
    kinds = found.multi_modal_inputs["mm_token_type_ids"][0]
    assert kinds.nonzero().flatten().tolist() == list(range(7, 13))


def test_images_fill_their_places_in_order(open_images):
    images = [address(picture(RED)), address(picture(BLUE, 1, 1))]
    (found,) = read(open_images([row("<image> or <image>?", images)]), 1)
    assert found.multi_modal_inputs["image_grid_thw"].tolist() == [[1, 4, 6], [1, 2, 2]]
    first, second = found.multi_modal_inputs["pixel_values"].split([24, 4])
    assert first[0, 0] > first[0, -1]  # Red comes before blue in a patch.
    assert second[0, 0] < second[0, -1]


def test_a_row_without_images_has_none(open_images):
    rows = [row("x", []), row("<image>x", [address(picture())])]
    by_row = {e.info["expert_index"]: e for e in read(open_images(rows), 2)}
    assert list(by_row[0].multi_modal_inputs) == ["mm_token_type_ids"]
    assert not by_row[0].multi_modal_inputs["mm_token_type_ids"].any()
    assert "pixel_values" in by_row[1].multi_modal_inputs


def test_prompts_as_text_are_read_as_trinity_reads_them(open_images, model_path):
    from trinity.buffer.schema.formatter import SFTFormatter

    form = FormatConfig(prompt_type=PromptType.PLAINTEXT, image_key="images")
    sample = {"prompt": "<image>x", "response": "y"}
    (found,) = read(open_images([{**sample, "images": [address(picture())]}], form), 1)
    theirs = SFTFormatter(model_path, form).format({**sample, "images": [picture()]})
    assert found.tokens.tolist() == theirs.tokens.tolist()
    assert found.prompt_length == theirs.prompt_length
    for key, value in theirs.multi_modal_inputs.items():
        assert torch.equal(found.multi_modal_inputs[key], value)


def test_a_column_of_images_as_datasets_stores_it(open_images, tmp_path):
    rows = {
        "messages": [row("<image>x")["messages"]],
        "images": [[{"bytes": encoded(picture()), "path": "red.png"}]],
    }
    features = datasets.Features(
        {"messages": datasets.Value("string"), "images": datasets.List(datasets.Image())}
    )
    path = tmp_path / "train.parquet"
    datasets.Dataset.from_dict(rows, features=features).to_parquet(path)
    (found,) = read(open_images(str(path)), 1)
    assert found.multi_modal_inputs["image_grid_thw"].tolist() == [[1, 4, 6]]


def test_a_batch_survives_trinitys_serialization(open_images):
    from trinity.common.experience import Experience

    batch = read(open_images([row("<image>x", [address(picture())])]), 2)
    again = Experience.deserialize_many(Experience.serialize_many(batch))
    for before, after in zip(batch, again, strict=True):
        for key, value in before.multi_modal_inputs.items():
            assert torch.equal(after.multi_modal_inputs[key], value)


def test_a_cut_row_keeps_its_image_and_the_kinds_of_its_tokens(open_images):
    rows = [row("<image>x", [address(picture())], "yyyyyyyy")]
    (found,) = read(open_images(rows, max_model_len=32, overlong="cut"), 1)
    assert len(found.tokens) == 32
    assert found.multi_modal_inputs["mm_token_type_ids"].shape == (1, 32)
    assert len(found.multi_modal_inputs["pixel_values"]) == 24


def test_a_row_is_not_cut_within_an_image(open_images):
    """With the answers of both turns learned, the second image comes after the prompt."""
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y"},
        {"role": "user", "content": "<image>"},
        {"role": "assistant", "content": "y"},
    ]
    with_image = {"messages": json.dumps(turns), "images": [address(picture())]}
    form = FormatConfig(
        image_key="images", messages_key="messages", enable_concatenated_multi_turn=True
    )
    stream = open_images([with_image, row("x", [])], form, max_model_len=35, overlong="cut")
    assert (stream.report.kept, stream.report.dropped) == (1, 1)


def test_images_are_processed_once(open_images, monkeypatch):
    rows = [row("<image>x", [address(picture())])]
    (first,) = read(open_images(rows), 1)
    monkeypatch.setattr(reading.ImageReader, "read", lambda *_: pytest.fail("processed again"))
    stream = open_images(rows)
    assert stream.report.sets[0].from_cache
    (again,) = read(stream, 1)
    assert torch.equal(
        again.multi_modal_inputs["pixel_values"], first.multi_modal_inputs["pixel_values"]
    )


def test_a_changed_file_is_processed_again(open_images, tmp_path):
    picture(RED).save(tmp_path / "a.png")
    rows = [row("<image>x", ["a.png"])]
    (first,) = read(open_images(rows), 1)
    assert open_images(rows).report.sets[0].from_cache
    picture(BLUE).save(tmp_path / "a.png")
    stream = open_images(rows)
    assert not stream.report.sets[0].from_cache
    (again,) = read(stream, 1)
    assert not torch.equal(
        again.multi_modal_inputs["pixel_values"], first.multi_modal_inputs["pixel_values"]
    )


def test_the_position_belongs_to_the_images_too(open_images, tmp_path):
    picture(RED).save(tmp_path / "a.png")
    rows = [row("<image>x", ["a.png"])]
    state = open_images(rows).state_dict()
    picture(BLUE).save(tmp_path / "a.png")
    with pytest.raises(ExpertDataError, match="fingerprint"):
        open_images(rows).load_state_dict(state)


# What is refused.


def bomb(width, height):
    """A PNG whose header promises many pixels, and whose data has none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_bad_image_is_named_with_file_and_line(problem, tmp_path):
    good = row("<image>x", [address(picture())])
    text = problem([good, row("<image>x", ["lost.png"])])
    assert f"{tmp_path / 'train.jsonl'}, line 2: image: got 'lost.png'" in text
    assert f"which is not a file in {tmp_path}" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://example.com/a.png", "got the address 'http://example.com/a.png'"),
        ("https://example.com/a.png", "nothing is downloaded"),
        ("file:///etc/passwd", "got the address"),
        ("data:text/html;base64,eA==", "got the address"),
        ("data:image/png;base64,?", "which is not base64"),
        ("data:image/png;base64,eA==", "got 1 bytes that are not PNG, JPEG"),
        ("", "got '', expected the path of a file"),
        ("/etc/passwd", "which leads to /etc/passwd, expected a file in the data folder"),
        ("../secret.png", "expected a file in the data folder"),
        ("link.png", "expected a file in the data folder"),
        ("pipe.png", "which is not a file"),
        ("a\0.png", "which is not a path"),
        ("x" * 5000, "which is not a path"),
        ("no_image.png", "that are not PNG, JPEG, WEBP, BMP, GIF"),
        ("vector.eps", "that are not PNG, JPEG, WEBP, BMP, GIF"),
        ("damaged.png", "got a damaged image"),
        ("large.png", "got an image of 10,000 × 10,000 pixels, expected at most 67,108,864"),
        ("bomb.png", "got an image that is too large"),
        ("moving.gif", "got an animation of 2 pictures"),
        ("thin.png", "absolute aspect ratio must be smaller than 200"),
    ],
)
def test_what_is_not_an_image_in_the_data_folder_is_refused(value, expected, problem, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    picture().save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "no_image.png").write_text("hello")
    (folder / "vector.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (folder / "damaged.png").write_bytes(encoded(picture())[:-30])
    (folder / "large.png").write_bytes(bomb(10_000, 10_000))
    (folder / "bomb.png").write_bytes(bomb(100_000, 100_000))
    picture().save(folder / "moving.gif", save_all=True, append_images=[picture(BLUE)], loop=0)
    Image.new("RGB", (900, 4)).save(folder / "thin.png")
    path = folder / "train.jsonl"
    path.write_text(json.dumps(row("<image>x", [value])) + "\n")
    assert expected in problem(str(path))


def test_a_file_that_is_too_large_is_not_read(problem, tmp_path, monkeypatch):
    picture().save(tmp_path / "a.png")
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    assert "bytes, expected at most 10" in problem([row("<image>x", ["a.png"])])


def test_all_bad_images_are_reported_before_one_is_decoded(problem, monkeypatch):
    monkeypatch.setattr(reading.ImageReader, "read", lambda *_: pytest.fail("decoded"))
    rows = [row("<image>x", [address(picture())]), *[row("<image>x", ["lost.png"])] * 3]
    assert "3 problems" in problem(rows)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (row("<image><image>", ["A"]), "got a place for image 2, but `images` has 1 images"),
        (row("x", ["A"]), "got 1 images, but the messages have places for 0"),
        (row("<image>x", []), "got a place for image 1, but `images` has 0 images"),
    ],
)
def test_places_and_images_must_match(rows, expected, problem):
    images = [address(picture()) for _ in rows["images"]]
    full = row("<image>", [address(picture())])
    assert expected in problem([full, {**rows, "images": images}])


@pytest.mark.parametrize(("text", "images"), [("<|image_pad|>", 0), ("<image><|image_pad|>", 1)])
def test_the_token_of_an_image_in_a_text_is_refused(text, images, problem):
    full = row("<image>", [address(picture())])
    found = problem([full, row(text, [address(picture())] * images)])
    assert "line 2: cannot be encoded" in found


def test_a_place_without_a_column_is_reported(problem):
    text = problem([row([part(), TEXT])], FormatConfig(messages_key="messages"))
    assert "(`format.image_key` is not set) has 0 images" in text


def test_an_image_in_an_answer_is_refused(problem):
    answer = [part(address(picture()))]
    assert "expected text: other parts are not read" in problem([row("x", [], answer)])


def test_a_tag_is_text_without_a_column(open_images):
    (found,) = read(open_images([row("<image>x")], FormatConfig(messages_key="messages")), 1)
    assert make_processor().tokenizer.decode(found.tokens).count("<image>") == 1


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        (row("<image>x", ["a.png"]), {"image_key": "images"}),
        (row([part("a.png"), TEXT]), {}),
    ],
)
def test_a_model_that_reads_no_images_refuses_them(rows, keys, write, open_stream):
    form = FormatConfig(messages_key="messages", **keys)
    with pytest.raises(ExpertDataError, match="Images need a model with an image processor"):
        open_stream([ExpertSet("sft", write([rows]), format=form)])
