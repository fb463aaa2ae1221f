"""Chat templates that render as those of Qwen2.5, Qwen3 and Llama 3, without their list of tools.

They were written for these tests. What they render was compared, on `TRAJECTORY`, its beginnings
and a conversation with `tool_calls`, with the copies of the models' own templates in
huggingface/trl (Apache-2.0; trl/chat_templates: qwen2_5.jinja, qwen3.jinja, llama3.jinja).
"""

from __future__ import annotations

from typing import Any

_TOOL = (
    "{% if loop.first or loop.previtem.role != 'tool' %}<|im_start|>user{% endif %}"
    "{{ '\n<tool_response>\n' + m.content + '\n</tool_response>' }}"
    "{% if loop.last or loop.nextitem.role != 'tool' %}{{ '<|im_end|>\n' }}{% endif %}"
)
_CALL = (
    '<tool_call>\n{"name": "{{ c.function.name }}", "arguments": '
    "{{ c.function.arguments | tojson }}}\n</tool_call>"
)
_START = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"

QWEN25 = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are Qwen, created by Alibaba "
    "Cloud. You are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{% if m.role == 'tool' %}" + _TOOL + "{% else %}"
    "<|im_start|>{{ m.role }}{% if m.content %}{{ '\n' + m.content }}{% endif %}"
    "{% for c in m.tool_calls or [] %}{{ '\n' }}" + _CALL + "{% endfor %}{{ '<|im_end|>\n' }}"
    "{% endif %}{% endfor %}" + _START + "{% endif %}"
)

# Thoughts are rendered only after the last user message; the last turn has a thought even if empty.
QWEN3 = (
    "{% set ns = namespace(query=messages | length - 1) %}"
    "{% for m in messages %}{% if m.role == 'user' %}{% set ns.query = loop.index0 %}{% endif %}"
    "{% endfor %}"
    "{% for m in messages %}{% if m.role == 'tool' %}" + _TOOL + "{% else %}"
    "{% set ns.thought = m.reasoning_content or '' %}{% set ns.text = m.content or '' %}"
    "{% if m.role == 'assistant' and '</think>' in ns.text and not ns.thought %}"
    "{% set ns.thought = ns.text.split('</think>')[0].rstrip('\n').split('<think>')[-1] %}"
    "{% set ns.text = ns.text.split('</think>')[-1].lstrip('\n') %}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' and loop.index0 > ns.query and (loop.last or ns.thought) %}"
    "{{ '<think>\n' + ns.thought.strip('\n') + '\n</think>\n\n' }}{% endif %}{{ ns.text }}"
    "{% for c in m.tool_calls or [] %}"
    "{% if ns.text or not loop.first %}{{ '\n' }}{% endif %}" + _CALL + "{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endif %}{% endfor %}" + _START + "{% if enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)

LLAMA3 = (
    "{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "<|start_header_id|>{{ m.role }}<|end_header_id|>{{ '\n\n' + m.content | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)

TEMPLATES = {"qwen2.5": QWEN25, "qwen3": QWEN3, "llama3": LLAMA3}


def message(role: str, content: str, **fields: Any) -> dict[str, Any]:
    """Return one message."""
    return {"role": role, "content": content, **fields}


# Two user turns, two results in a row, a thought in each turn but the last.
TRAJECTORY = [
    message("system", "be brief"),
    message("user", "add 2+3, 4+4"),
    message("assistant", "<think>\nuse add\n</think>\n\nadd(2,3); add(4,4)"),
    message("tool", "5"),
    message("tool", "8"),
    message("assistant", "<think>\ndone\n</think>\n\n5 and 8"),
    message("user", "and 1+1?"),
    message("assistant", "<think>\neasy\n</think>\n\nadd(1,1)"),
    message("tool", "2"),
    message("assistant", "2"),
]
