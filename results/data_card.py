"""What says what published tables are: a README with the front matter that Hugging Face reads, Croissant's JSON-LD, a
citation and a licence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ..errors import InputError, unknown
from .file_list import TIERS, ListedFile
from .text_tables import Row, escape_latex, escape_markdown, markdown_table

#: Licences for data: the SPDX name, and where its text is.
LICENCES: Mapping[str, str] = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "MIT": "https://opensource.org/license/mit",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}
_HUB_NAMES = {"ODC-By-1.0": "odc-by", "ODbL-1.0": "odbl"}  # where Hugging Face's name is not the SPDX one
_KINDS = {"bool": "sc:Boolean", "int64": "sc:Integer", "float64": "sc:Float", "string": "sc:Text"}
_MOST_ROWS = 60  # of the verdicts in the README

# The vocabulary of Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html).
_JSON_TYPED = {"data": "@json", "examples": "@json", "dataType": "@vocab"}
_TERMS = (
    *("citeAs", "column", "data", "dataType", "examples", "extract", "field", "fileProperty", "fileObject", "fileSet"),
    *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
    "equivalentProperty",
)
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    **{
        term: {"@id": f"cr:{term}", "@type": _JSON_TYPED[term]} if term in _JSON_TYPED else f"cr:{term}"
        for term in _TERMS
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataCard:
    """What the publisher says of the tables.

    Parameters
    ----------
    title : name of the data set.
    authors : who made it, one name each.
    licence : one of `LICENCES`.
    date : of publication, ISO 8601.
    version : of Onecurve, which wrote the tables.
    url : where they will be found; None where that is not known.

    Raises
    ------
    InputError
        An unknown licence, an empty title, or no author.
    """

    title: str
    authors: tuple[str, ...]
    licence: str
    date: str
    version: str
    url: str | None = None

    def __post_init__(self) -> None:
        if self.licence not in LICENCES:
            raise unknown("licence", self.licence, LICENCES)
        if not self.title.strip() or not self.authors or not all(name.strip() for name in self.authors):
            raise InputError("published tables have a title and at least one author, got an empty one")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table as it was written: its file, its number of rows, and name, type and meaning of each column."""

    file: ListedFile
    rows: int
    about: str
    columns: tuple[tuple[str, str, str], ...]

    @property
    def name(self) -> str:
        """The table's name: its file's, without the ending."""
        return self.file.name.partition(".")[0]


def readme(card: DataCard, tables: Sequence[PublishedTable], verdicts: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """The data card; its front matter makes each table a configuration that ``load_dataset`` takes by name.

    Parameters
    ----------
    card, tables : what is published.
    verdicts : one row a group, for the table in the text.
    facts : what else is to be said of the tables, by name.
    """
    front = {
        "license": _HUB_NAMES.get(card.licence, card.licence.lower()),
        "pretty_name": card.title,
        "tags": ["learning-curves", "scaling-laws", "scaling-collapse", "onecurve", "croissant"],
        "size_categories": [_category(max(table.rows for table in tables))],
        "configs": [{"config_name": table.name, "data_files": table.file.name} for table in tables],
    }
    front["configs"][0]["default"] = True
    files = [
        {"file": one.file.name, "tier": one.file.tier, "rows": one.rows, "bytes": one.file.size, "what": one.about}
        for one in tables
    ]
    columns = [
        {"table": table.name, "column": name, "type": kind, "what it is": about}
        for table in tables
        for name, kind, about in table.columns
        if about
    ]
    more = len(verdicts) - _MOST_ROWS
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n",
        f"# {escape_markdown(card.title)}\n",
        "Learning curves of networks of several sizes, and a test of whether they collapse on one curve, measured by "
        "Onecurve.\n",
        markdown_table([{"": name, "value": value} for name, value in facts.items()]),
        "## Tables\n",
        markdown_table(files),
        f"`checksums.sha256` and `manifest.json` have the sha256 of each file. A tier ({', '.join(TIERS)}) holds the "
        "tiers before it:\n",
        f"```bash\nonecurve pull {card.url or 'ADDRESS'} --to copy --tier curves\nonecurve analyze copy\n"
        f"onecurve compare runs/mine copy\n```\n",
        "## Verdicts\n",
        markdown_table(verdicts[:_MOST_ROWS]) + (f"\nand {more} more in `groups.csv`\n" if more > 0 else ""),
        "## Columns\n",
        markdown_table(columns),
        "## Licence and citation\n",
        f"{card.licence}, {LICENCES[card.licence]}. Please cite as in `CITATION.cff`.",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def croissant(card: DataCard, tables: Sequence[PublishedTable]) -> str:
    """The tables in Croissant's JSON-LD, version 1.0: each file with its sha256, each column with its type."""
    files = [
        {
            "@type": "cr:FileObject",
            "@id": table.file.name,
            "name": table.file.name,
            "description": table.about,
            "contentUrl": table.file.name,
            "contentSize": f"{table.file.size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": table.file.sha256,
        }
        for table in tables
    ]
    value = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": card.title,
        "description": "Learning curves of networks of several sizes, and a test of whether they collapse.",
        "citeAs": bibtex(card),
        "creator": [{"@type": "sc:Person", "name": name} for name in card.authors],
        "datePublished": card.date,
        "license": LICENCES[card.licence],
        "version": "1.0.0",
        **({"url": card.url} if card.url else {}),
        "distribution": files,
        "recordSet": [_record_set(table) for table in tables],
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _record_set(table: PublishedTable) -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{table.name}/{name}",
            "name": name,
            "description": about or name,
            "dataType": _KINDS[kind],
            "source": {"fileObject": {"@id": table.file.name}, "extract": {"column": name}},
        }
        for name, kind, about in table.columns
    ]
    return {"@type": "cr:RecordSet", "@id": table.name, "name": table.name, "description": table.about, "field": fields}


def citation(card: DataCard) -> str:
    """A citation file (https://citation-file-format.github.io, version 1.2.0), with Onecurve among its references."""
    value = {
        "cff-version": "1.2.0",
        "message": "If you use these tables, please cite them as below.",
        "title": card.title,
        "type": "dataset",
        "date-released": card.date,
        "license": card.licence,
        **({"url": card.url} if card.url else {}),
        "authors": [{"name": name} for name in card.authors],
        "references": [
            {
                "type": "software",
                "title": "Onecurve: a calibrated universality benchmark for learning curves",
                "version": card.version,
                "authors": [{"name": "The Onecurve developers"}],
            }
        ],
    }
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def bibtex(card: DataCard) -> str:
    """The citation as BibTeX on one line."""
    authors = " and ".join(f"{{{escape_latex(name)}}}" for name in card.authors)
    where = f", url={{{card.url}}}" if card.url else ""
    title = escape_latex(card.title)
    return f"@misc{{onecurve-tables, title={{{title}}}, author={{{authors}}}, year={{{card.date[:4]}}}{where}}}"


def licence_text(card: DataCard) -> str:
    """Who allows what, by the licence's name and the address of its text."""
    who = ", ".join(card.authors)
    said = f"SPDX-License-Identifier: {card.licence}\n{LICENCES[card.licence]}"
    return f"{card.title}\nCopyright {card.date[:4]} {who}\n\n{said}\n"


def _category(rows: int) -> str:
    """Hugging Face's word for so many rows."""
    edges = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10**7: "1M<n<10M"}
    return next((name for edge, name in edges.items() if rows < edge), "n>10M")
