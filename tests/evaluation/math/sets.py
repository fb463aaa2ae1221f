"""Small sets with the columns, nesting and types of the public ones."""

import json
from pathlib import Path
from typing import Any

ROWS: dict[str, list[dict[str, Any]]] = {
    "amc23": [
        {"id": 0, "question": "How many miles?", "answer": "27.0", "url": "https://a.org/0"},
        {"id": 1, "question": "What is x?", "answer": "36.0", "url": "https://a.org/1"},
    ],
    "aime24": [
        {
            "id": 60,
            "problem": "Find $m+n$.",
            "solution": r"So it is \boxed{204}.",
            "answer": "204",
            "url": "https://a.org/60",
            "year": "2024",
        },
        {
            "id": 61,
            "problem": "Find the sum.",
            "solution": r"So it is \boxed{025}.",
            "answer": "025",
            "url": "https://a.org/61",
            "year": "2024",
        },
    ],
    "aime25": [{"problem": "Find the sum of bases.", "answer": "70", "id": "0"}],
    "mmlu-pro": [
        {
            "question_id": 70,
            "question": "Which is a prime?",
            "options": ["4", "6", "7"],
            "answer": "C",
            "answer_index": 2,
            "cot_content": "",
            "category": "math",
            "src": "ori_mmlu-x",
        },
        {
            "question_id": 71,
            "question": "Which is a gas?",
            "options": ["helium", "iron"],
            "answer": "A",
            "answer_index": 0,
            "cot_content": "",
            "category": "chemistry",
            "src": "ori_mmlu-y",
        },
    ],
}
GOLD = {
    "amc23": {"0": "27", "1": "36"},
    "aime24": {"60": "204", "61": "25"},
    "aime25": {"0": "70"},
    "mmlu-pro": {"70": "C", "71": "A"},
}


def write_rows(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_sets(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in ROWS.items():
        write_rows(folder / f"{name}.jsonl", rows)
    return folder


def gold_responses() -> list[dict[str, Any]]:
    return [
        {"set": name, "id": key, "response": rf"<think>x</think> It is \boxed{{{answer}}}."}
        for name, answers in GOLD.items()
        for key, answer in answers.items()
    ]
