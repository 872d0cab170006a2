"""The same puzzles written in every way that people write them, for the tests of the reader: name -> the file's bytes.

Three puzzles of each size, with one solution each, none a copy of another."""

import gzip
import io
import zipfile
from functools import cache

import numpy as np

from trm_explore.data.sudoku_rules import generate
from trm_explore.tasks.sudoku_pool import DIFFICULTIES

COUNT = 3


@cache
def some(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng, found = np.random.default_rng(size), []
    low, high = DIFFICULTIES["easy"][size]
    while len(found) < COUNT:
        found.append(generate(size, int(rng.integers(low, high + 1)), rng))
    return tuple(np.array(part) for part in zip(*found, strict=True))


def line(digits, blank: str = ".") -> str:
    return "".join(blank if digit == 0 else str(digit) for digit in digits)


def rows(digits, blank: str = ".") -> list[str]:
    text, size = line(digits, blank), int(len(digits) ** 0.5)
    return [text[at : at + size] for at in range(0, len(text), size)]


def boxed(digits, blank: str = ".", cross: str = "+", frame: bool = False, space: str = "") -> list[str]:
    size = int(len(digits) ** 0.5)
    high, wide = {4: (2, 2), 6: (2, 3), 9: (3, 3)}[size]
    drawn = []
    for number, row in enumerate(rows(digits, blank)):
        if number and number % high == 0:
            drawn.append(cross.join(["-" * (wide + (wide + 1) * bool(space))] * (size // wide)))
        boxes = [row[at : at + wide] for at in range(0, size, wide)]
        drawn.append((space + "|" + space).join(space.join(box) for box in boxes))
    if frame:
        edge = "+" + "-" * (len(drawn[0])) + "+"
        drawn = [edge, *(f"|{one}|" for one in drawn), edge]
    return drawn


def table(size: int, head: str = "question,answer", separator: str = ",", quote: str = "", more=lambda i: ()) -> str:
    lines = [head]
    for i, (question, answer) in enumerate(zip(*some(size), strict=True)):
        cells = [*more(i), line(question), line(answer)]
        lines.append(separator.join(f"{quote}{cell}{quote}" for cell in cells))
    return "\n".join(lines) + "\n"


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@cache
def forms(size: int) -> dict[str, bytes]:
    questions, _ = some(size)
    plain = table(size)
    lines = "\n".join(line(question) for question in questions) + "\n"
    grids = "\n\n".join("\n".join(rows(question)) for question in questions)
    texts = {
        "csv": plain,
        "kaggle's names": table(size, "quizzes,solutions"),
        "other names": table(size, "Puzzle,Solution"),
        "data sets' names": table(size, "id,input,Output", more=lambda i: [str(i)]),
        "a problem and its answer": table(size, " PROBLEM , Answers "),
        "semicolons": table(size, "question;answer", ";"),
        "tabs": table(size, "question\tanswer", "\t"),
        "bars": table(size, "question|answer", "|"),
        "blanks": table(size, "question answer", " "),
        "a space after the comma": table(size, "question, answer", ", "),
        "quoted, a space after the comma": table(size, '"question", "answer"', ", ", '"'),
        "quoted": table(size, '"question","answer"', quote='"'),
        "with R's row names": table(size, '"","question","answer"', quote='"', more=lambda i: [str(i + 1)]),
        "R's table, whose first row is one shorter": table(
            size, '"question" "answer"', " ", '"', more=lambda i: [str(i + 1)]
        ),
        "a number, a rating and a remark": table(
            size, "rating,source,puzzle,solution", more=lambda i: [f"{i}.5", "me, the \u00e4uthor".replace(",", "")]
        ),
        "remarks at the head": "# from the class of 2024\n#\n\n" + plain,
        "Excel's line about the separator": "sep=;\n" + table(size, "question;answer", ";"),
        "a last row of commas": plain + ",\n,,\n",
        "empty rows": plain.replace("\n", "\n\n\n"),
        "lines": lines,
        "lines with a remark behind": lines.replace("\n", " # mine\n"),
        "lines and a rating": "".join(f"{line(question)};0.{i}\n" for i, question in enumerate(questions)),
        "a table without a first row": plain.partition("\n")[2],
        "one column with a name": "puzzle\n" + lines,
        "sdm": "# made by me\n" + lines,
        "a hash, the puzzle, a rating": "".join(
            f"00{i}83b305c {line(q, '0')}  1.{i}\n" for i, q in enumerate(questions)
        ),
        "sdk": "\n".join(
            "\n".join(["#A me", "#D a puzzle", "[Puzzle]", *rows(question), "[State]", *rows(question)])
            for question in questions
        ),
        "grids": grids,
        "grids without a line between": grids.replace("\n\n", "\n"),
        "grids with headings": "".join(
            f"Grid {i:02}\n" + "\n".join(rows(question, "0")) + "\n" for i, question in enumerate(questions)
        ),
        "grids with blanks between": "\n\n".join("\n".join(map(" ".join, rows(question))) for question in questions),
        "a spreadsheet's grids": "\n\n".join(
            "\n".join(",".join(row).replace(".", "") for row in rows(question)) for question in questions
        ),
        "grids in rows of boxes": "\n\n".join(
            "\n".join(row + "\n" * (i % {4: 2, 6: 2, 9: 3}[size] == 1 and size != 9) for i, row in enumerate(rows(q)))
            for q in questions
        )
        if size != 9
        else "\n\n\n".join("\n\n".join("\n".join(rows(q)[at : at + 3]) for at in (0, 3, 6)) for q in questions),
        "boxes": "\n\n".join("\n".join(boxed(question)) for question in questions),
        "boxes in a frame": "\n".join("\n".join(boxed(question, "0", frame=True)) for question in questions),
        "boxes with room": "\n\n".join("\n".join(boxed(q, "_", "-+-", space=" ")) for q in questions),
        "boxes with solutions below": "\n".join(
            "\n".join(["Puzzle", *boxed(question), "Solution:", *boxed(answer)])
            for question, answer in zip(*some(size), strict=True)
        ),
        "boxes whose lines have no cross": "\n\n".join("\n".join(boxed(q, cross="-")) for q in questions),
        "grids in a quoted table": "question,answer\n"
        + "".join('"{}","{}"\n'.format(*("\n".join(boxed(d)) for d in two)) for two in zip(*some(size), strict=True)),
    }
    texts |= {
        f"{blank} for a blank": "\n".join(line(question, blank) for question in questions) for blank in "0*_-xX?\u00b7"
    }
    texts |= {f"grids with {blank}": "\n\n".join("\n".join(rows(q, blank)) for q in questions) for blank in "0*_-X"}
    data = {name: text.encode() for name, text in texts.items()}
    data |= {
        "CRLF": plain.replace("\n", "\r\n").encode(),
        "CR": plain.replace("\n", "\r").encode(),
        "CR CR LF": plain.replace("\n", "\r\r\n").encode(),
        "UTF-8 with a mark": b"\xef\xbb\xbf" + plain.encode(),
        "UTF-16": plain.encode("utf-16"),
        "UTF-16, the other way": b"\xfe\xff" + plain.encode("utf-16-be"),
        "UTF-16 without a mark": plain.encode("utf-16-le"),
        "lines in UTF-16 with CRLF": lines.replace("\n", "\r\n").encode("utf-16"),
        "a remark in another encoding": table(size, "name,question,answer", more=lambda i: ["M\u00fcller"]).encode(
            "cp1252"
        ),
        "gzip": gzip.compress(plain.encode()),
        "gzip of grids": gzip.compress(grids.encode()),
        "zip": zipped(**{"some/puzzles.csv": plain.encode()}),
        "zip with what a Mac adds": zipped(
            **{"puzzles.csv": plain.encode(), "__MACOSX/._puzzles.csv": b"\0", ".DS_Store": b"\0", "LICENSE": b"free"}
        ),
    }
    return data


FORMS = tuple(forms(4))
