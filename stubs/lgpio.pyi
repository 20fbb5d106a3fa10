BOTH_EDGES: int

class error(Exception):  # noqa: N801
    value: str

def gpio_claim_output(handle: int, gpio: int, level: int = 0, lFlags: int = 0) -> int: ...  # noqa: N803
def gpio_get_line_info(handle: int | None, gpio: int) -> tuple[int, int, int, str, str]: ...
