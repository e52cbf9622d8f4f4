"""A list that is also the object it came in, because one page of the documentation says list and the other dict."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, SupportsIndex, Union, overload


class Listing(List[Dict[str, Any]]):
    """Iterate and index it as a list, or ask for members of the answer: ``threads[0]``, ``threads["threads"]``."""

    def __init__(self, items: List[Dict[str, Any]], members: Mapping[str, Any]) -> None:
        super().__init__(items)
        self._members = members

    @overload
    def __getitem__(self, key: SupportsIndex) -> Dict[str, Any]: ...

    @overload
    def __getitem__(self, key: slice) -> List[Dict[str, Any]]: ...

    @overload
    def __getitem__(self, key: str) -> Any: ...

    def __getitem__(self, key: Union[SupportsIndex, slice, str]) -> Any:
        return self._members[key] if isinstance(key, str) else super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """A member of the answer."""
        return self._members.get(key, default)

    @classmethod
    def of(cls, name: str, answer: Mapping[str, Any]) -> Listing:
        """``null`` counts as empty; anything else than a list raises ``TypeError``."""
        items = answer[name]
        if items is None:
            items = []
        if not isinstance(items, list):
            raise TypeError
        return cls(items, {**answer, name: items})
