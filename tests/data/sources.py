"""Small synthetic data with the columns, nesting and types of the public sources.

The schemas are those of the sources' dataset cards and of the public scripts.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import datasets
from datasets import Features, List, Value

from trinity_chord.prompts import tool_messages

Row = dict[str, Any]
TEXT, FLAG = Value("string"), Value("bool")
OPENR1_FEATURES = Features(
    {
        "problem": TEXT,
        "solution": TEXT,
        "answer": TEXT,
        "problem_type": TEXT,
        "question_type": TEXT,
        "source": TEXT,
        "uuid": TEXT,
        "is_reasoning_complete": List(FLAG),
        "generations": List(TEXT),
        "correctness_math_verify": List(FLAG),
        "correctness_llama": List(FLAG),
        "finish_reasons": List(TEXT),
        "correctness_count": Value("int64"),
        "messages": List({"content": TEXT, "role": TEXT}),
    }
)
TOOLACE_FEATURES = Features({"system": TEXT, "conversations": List({"from": TEXT, "value": TEXT})})
S1K_COLUMNS = (
    *("solution", "question", "cot_type", "source_type", "metadata"),
    *("gemini_thinking_trajectory", "gemini_attempt", "gemini_grade", "gemini_grade_reason"),
    *("deepseek_thinking_trajectory", "deepseek_attempt", "deepseek_grade"),
    "deepseek_grade_reason",
)
SYSTEM_HEAD = (
    "You are an expert in composing functions. You are given a question and a set of possible "
    "functions. \nBased on the question, you will need to make one or more function/tool calls to "
    "achieve the purpose. \nHere is a list of functions in JSON format that you can invoke:\n"
)
SYSTEM_TAIL = (
    ". \nShould you decide to return the function call(s). \nPut it in the format of "
    "[func1(params_name=params_value, params_name2=params_value2...), func2(params)]\n\n"
    "NO other text MUST be included. \n"
)
FUNCTIONS = [
    {
        "name": "Market Trends API",
        "description": "Trends of the market",
        "parameters": {
            "type": "dict",
            "properties": {"trend_type": {"type": "string"}, "country": {"type": "string"}},
            "required": ["trend_type"],
        },
    },
    {
        "name": "weather.get_forecast",
        "description": "A forecast [by days]",
        "parameters": {
            "type": "dict",
            "properties": {"from": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["from"],
        },
        "required": None,
    },
]


def openr1_row(number: int, **changes: Any) -> Row:
    """Return a row of OpenR1-Math-220k: two correct generations, an integer answer."""
    generator = random.Random(f"openr1 {number}")
    answer = str(generator.randrange(100))
    thought = " ".join(generator.choices(["so", "wait", "then", "hence", "check"], k=20))
    generations = [
        f"<think>\n{thought} {take}\n</think>\n\nThe answer is \\boxed{{{answer}}}."
        for take in range(2)
    ]
    problem = f"Let $n = {number}$. How many pairs $(a, b)$ have $a^2 + b = n$?"
    row = {
        "problem": problem,
        "solution": f"By counting, \\boxed{{{answer}}}.",
        "answer": answer,
        "problem_type": "Number Theory",
        "question_type": "math-word-problem",
        "source": "olympiads",
        "uuid": f"uuid-{number}",
        "is_reasoning_complete": [True, True],
        "generations": generations,
        "correctness_math_verify": [True, True],
        "correctness_llama": None,
        "finish_reasons": None,
        "correctness_count": 2,
        "messages": [
            {"content": problem, "role": "user"},
            {"content": generations[0], "role": "assistant"},
        ],
    }
    return row | changes


def s1k_row(number: int, **changes: Any) -> Row:
    """Return a row of s1K-1.1 whose solution is a plain number."""
    row = {column: f"{column} {number}" for column in S1K_COLUMNS}
    row |= {
        "question": f"Compute the value of $f({number})$ where $f(x) = x + 1$.",
        "solution": str(number + 1),
        "deepseek_thinking_trajectory": f"f({number}) is one more.",
        "deepseek_attempt": f"**Answer** \\boxed{{{number + 1}}}",
        "deepseek_grade": "Yes",
    }
    return row | changes


def toolace_row(number: int, reply: str | None = None, **changes: Any) -> Row:
    """Return a row of ToolACE: a call, the result of the tool, an answer in words."""
    reply = reply or f'[Market Trends API(trend_type="TYPE_{number}", country="us")]'
    row = {
        "system": SYSTEM_HEAD + json.dumps(FUNCTIONS) + SYSTEM_TAIL,
        "conversations": [
            {"from": "user", "value": f"What moves market number {number}?"},
            {"from": "assistant", "value": reply},
            {"from": "tool", "value": '[{"name": "Market Trends API", "results": {}}]'},
            {"from": "assistant", "value": "Not much."},
        ],
    }
    return row | changes


def rl_split_row(number: int, **changes: Any) -> Row:
    """Return a row of the published RL split."""
    arguments = {"trend_type": f"TYPE_{number}", "country": "us"}
    row = {
        "tools": json.dumps(FUNCTIONS),
        "conversations": [{"from": "user", "value": f"What moves market number {number}?"}],
        "answer": json.dumps([{"name": "Market Trends API", "arguments": arguments}]),
        "raw_system": SYSTEM_HEAD,
    }
    return row | changes


def sft_split_row(number: int, **changes: Any) -> Row:
    """Return a row of the published SFT split: a task, and a chat ending in the expert's reply."""
    task = rl_split_row(number)
    reply = f"<think>They ask for {number}.</think>\n<tool_call>{task['answer']}</tool_call>"
    messages = [*tool_messages(task), {"role": "assistant", "content": reply}]
    return task | {"messages": messages} | changes


def write_rows(path: Path, rows: list[Row], features: Features | None = None) -> Path:
    """Write rows in the format of the suffix; without one, a `save_to_disk` folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".jsonl", ".json"):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        text = "\n".join(lines) if path.suffix == ".jsonl" else f"[{', '.join(lines)}]"
        path.write_text(text + "\n", encoding="utf-8")
        return path
    table = datasets.Dataset.from_list(rows, features=features)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.save_to_disk(path)
    return path
