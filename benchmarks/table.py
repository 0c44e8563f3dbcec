"""Rows of a benchmark as a plain table."""


def show(header, rows):
    table = [header, *[[cell if isinstance(cell, str) else f"{cell:.3f}" for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
        )
