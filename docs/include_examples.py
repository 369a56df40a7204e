"""Rewrite the code blocks that name an example file by that file: `python docs/include_examples.py`."""

import re
from pathlib import Path

DOCS = Path(__file__).parent
BLOCK = re.compile(r'^```(python|sh) title="docs/examples/([^"]+)"\n(.*?)^```$', re.M | re.S)


def included(text: str) -> str:
    """Return a page whose named blocks hold what their files hold now."""

    def block(found: re.Match[str]) -> str:
        code = (DOCS / "examples" / found[2]).read_text()
        return f'```{found[1]} title="docs/examples/{found[2]}"\n{code}```'

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    for page in DOCS.rglob("*.md"):
        page.write_text(included(page.read_text()))
