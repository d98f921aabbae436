"""How a file is laid out: its format, its compression, and what CSV leaves open."""

from __future__ import annotations

from dataclasses import dataclass

CSV, TSV, JSONL, XLSX, PARQUET = "csv", "tsv", "jsonl", "xlsx", "parquet"
NONE, GZIP = "none", "gzip"
COMPRESSIONS = (NONE, GZIP)
GZIP_SUFFIX, GZIP_TYPE = ".gz", "application/gzip"


@dataclass(frozen=True)
class FileFormat:
    """One kind of file.

    is_text: made of lines, which sources may render in SQL, and which compress well; others are compressed in
    themselves. is_guarded: bound for spreadsheets, which take some texts for formulas. most_rows: beside the
    header; None for any.
    """

    name: str
    label: str
    content_type: str
    is_text: bool = True
    is_guarded: bool = False
    most_rows: int | None = None


FORMATS = {
    found.name: found
    for found in (
        FileFormat(CSV, "CSV", "text/csv; charset=utf-8", is_guarded=True),
        FileFormat(TSV, "TSV", "text/tab-separated-values; charset=utf-8", is_guarded=True),
        FileFormat(JSONL, "JSON Lines", "application/x-ndjson"),
        FileFormat(
            XLSX,
            "Excel (XLSX)",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            is_text=False,
            is_guarded=True,
            most_rows=1_048_575,
        ),
        FileFormat(PARQUET, "Parquet", "application/vnd.apache.parquet", is_text=False),
    )
}


@dataclass(frozen=True)
class Layout:
    """The layout of one file.

    format: a name of FORMATS. compress: "gzip" or "none"; empty for the format's own way, which is gzip for text.
    delimiter, bom: of CSV. guard: whether texts that spreadsheets take for formulas are made harmless.
    """

    format: str = CSV
    compress: str = ""
    delimiter: str = ","
    bom: bool = False
    guard: bool = True

    @property
    def file_format(self) -> FileFormat:
        return FORMATS[self.format]

    @property
    def is_gzipped(self) -> bool:
        return (self.compress or (GZIP if self.file_format.is_text else NONE)) == GZIP

    @property
    def is_guarded(self) -> bool:
        return self.guard and self.file_format.is_guarded

    @property
    def suffix(self) -> str:
        return f".{self.format}{GZIP_SUFFIX if self.is_gzipped else ''}"

    @property
    def content_type(self) -> str:
        return GZIP_TYPE if self.is_gzipped else self.file_format.content_type
