"""The program ``aifinops``.

Here: the way into the commands; a job at the budget gate does not wait for the others' imports.
Not here: the commands (main).
"""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:2] == ["gate"]:
        from cli.gate import gate_app

        gate_app(args=sys.argv[2:], prog_name="aifinops gate")
    else:
        from cli.main import app

        app()


if __name__ == "__main__":
    main()
