"""For mkdocs: links from the pages to files outside docs/ lead to the repository, and pictures are copied.

The pages are read on GitHub as well, where such links are relative paths.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
LINK = re.compile(r"\]\(((?:\.\./)+[^)\s#]+)(#[^)\s]*)?\)")
PICTURES = "benchmarks/results"


def on_files(files: Any, config: Any) -> Any:
    """Add the drawings of the benchmarks to the site, at the same path."""
    for picture in sorted((ROOT / PICTURES).glob("*.svg")):
        files.append(File.generated(config, f"{PICTURES}/{picture.name}", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace each link that leaves docs/ by an address in the repository; mkdocs checks all others."""
    folder = (DOCS / page.file.src_uri).parent

    def replace(match: re.Match[str]) -> str:
        file = (folder / match[1]).resolve()
        if file.is_relative_to(DOCS) or not file.exists():
            return match[0]  # mkdocs warns of what does not exist
        inside = file.relative_to(ROOT).as_posix()
        if files.get_file_from_path(inside):
            return f"]({os.path.relpath(DOCS / inside, folder)})"
        return f"]({config.repo_url}/{'tree' if file.is_dir() else 'blob'}/main/{inside}{match[2] or ''})"

    return LINK.sub(replace, markdown)
