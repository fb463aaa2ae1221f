"""The rollout engine with images, without Ray."""

import asyncio
import base64
import io

import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from tests.cpu.test_engine import with_engine
from tests.tiny_vision_model import UNIT, make_processor, make_vision_model_folder
from trinity_chord.errors import ChordError

LIMITS = {"max_model_len": 96, "max_prompt_tokens": 64}


@pytest.fixture(scope="module")
def vision_path(tmp_path_factory):
    return make_vision_model_folder(tmp_path_factory.mktemp("vision"))


def picture(color, width=2, height=3):
    return Image.new("RGB", (width * UNIT, height * UNIT), color)


def address(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def asked(*images):
    parts = [{"type": "image", "image": each} for each in images]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": "how many?"}]}]


def test_rollouts_have_the_images_as_the_processor_makes_them(vision_path):
    image = picture("red")
    (rollout,) = with_engine(vision_path, lambda e: e.chat(asked(address(image))), **LIMITS)
    processor = make_processor()
    expected = processor.apply_chat_template(
        asked(image),
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    prompt = expected["input_ids"][0].tolist()
    assert rollout.tokens[: rollout.prompt_length].tolist() == prompt
    found = rollout.multi_modal_inputs
    for key in ("pixel_values", "image_grid_thw"):
        assert torch.equal(found[key], expected[key])
    kinds = found["mm_token_type_ids"]
    assert kinds.shape == (1, len(rollout.tokens))
    assert kinds[0].sum() == 6  # An image of 2 × 3 tokens, and no token of the response.


def test_logprobs_in_a_batch_with_and_without_images_are_those_of_each_row_alone(vision_path):
    model = AutoModelForImageTextToText.from_pretrained(vision_path, dtype=torch.float32)

    async def use(engine):
        return await asyncio.gather(
            engine.chat(asked(picture("red"), picture("blue", 1, 1)), n=2),
            engine.chat([{"role": "user", "content": "how many?"}]),
            engine.chat(asked(picture("green", 3, 1)), temperature=0.7),
        )

    temperatures = (1.0, 1.0, 0.7)
    for rollouts, temperature in zip(
        with_engine(vision_path, use, **LIMITS), temperatures, strict=True
    ):
        for rollout in rollouts:
            tokens = rollout.tokens.long()[None]
            with torch.no_grad():
                logits = model(tokens, **(rollout.multi_modal_inputs or {})).logits[0]
            logprobs = (logits / temperature).log_softmax(-1)
            chosen = logprobs[:-1].gather(1, tokens[0, 1:, None])[:, 0]
            torch.testing.assert_close(
                rollout.logprobs, chosen[rollout.prompt_length - 1 :], atol=1e-5, rtol=0
            )


def test_a_prompt_without_images_has_none(vision_path):
    messages = [{"role": "user", "content": "how many?"}]
    (rollout,) = with_engine(vision_path, lambda e: e.chat(messages), **LIMITS)
    assert rollout.multi_modal_inputs is None


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("http://example.com/a.png", "nothing is downloaded"),
        ("/etc/passwd", "there is no data folder"),
        (b"hello", "are not PNG"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused(vision_path, image, message):
    with pytest.raises(ChordError, match=message):
        with_engine(vision_path, lambda e: e.chat(asked(image)), **LIMITS)


def test_a_prompt_with_images_that_leaves_no_room_is_refused(vision_path):
    with pytest.raises(ChordError, match="prompt: got"):
        with_engine(vision_path, lambda e: e.chat(asked(picture("red"))), max_model_len=24)


def test_a_model_of_text_refuses_images(model_path):
    with pytest.raises(ChordError, match="has no image processor"):
        with_engine(model_path, lambda e: e.chat(asked(picture("red"))))
