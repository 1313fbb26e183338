"""A list that can be read and not changed."""

from __future__ import annotations

from typing import Any, NoReturn


class FrozenList(list[Any]):
    """A list whose entries stay what they are; ``list(frozen)`` is one that can be changed."""

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("this list belongs to a frozen container; change a copy: list(...)")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = _refuse
    clear = sort = reverse = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenList, (list(self),)
