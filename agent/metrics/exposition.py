"""Figures as the text that Prometheus reads (exposition format 0.0.4). Only here: prometheus_client."""

import threading
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from agent.clock import boottime
from agent.metrics.catalogue import Found, Labels
from agent.metrics.spread import Spread

CONTENT_TYPE = CONTENT_TYPE_LATEST
FRESH_S = 1.0
"""How long a text counts as fresh: however many ask, the figures are collected once in this time."""


class Exposition:
    """Any thread may call `text`; one at a time collects. The figures are those of a registry of its own."""

    def __init__(
        self, collect: Callable[[], Iterable[Found]], *, fresh_s: float = FRESH_S, clock: Callable[[], float] = boottime
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Figures(collect))
        ProcessCollector(registry=self._registry)
        self._fresh_s = fresh_s
        self._clock = clock
        self._lock = threading.Lock()
        self._text = b""
        self._fresh_until = float("-inf")

    def text(self) -> bytes:
        """Every metric that shows anything now."""
        with self._lock:
            if self._clock() >= self._fresh_until:
                self._text = generate_latest(self._registry)
                self._fresh_until = self._clock() + self._fresh_s
            return self._text


class _Figures(Collector):
    def __init__(self, collect: Callable[[], Iterable[Found]]) -> None:
        self._collect = collect

    def describe(self) -> Iterator[Family]:
        """Nothing is collected to find out the names."""
        return iter(())

    def collect(self) -> Iterator[Family]:
        return (_family(found) for found in self._collect() if found.values)


def _family(found: Found) -> Family:
    metric = found.metric
    if metric.kind == "histogram":
        return _histogram(found)
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = make(metric.name, metric.help, labels=metric.labels)
    for labels, value in found.values.items():
        if not isinstance(value, Spread):
            family.add_metric(labels, float(value))
    return family


def _histogram(found: Found) -> Family:
    family = HistogramMetricFamily(found.metric.name, found.metric.help, labels=found.metric.labels)
    for labels, spread in found.values.items():
        if isinstance(spread, Spread):
            _add_spread(family, labels, spread)
    return family


def _add_spread(family: HistogramMetricFamily, labels: Labels, spread: Spread) -> None:
    bounds = (*map(str, spread.bounds), "+Inf")
    buckets = [(bound, float(count)) for bound, count in zip(bounds, spread.counts, strict=True)]
    family.add_metric(labels, buckets=buckets, sum_value=spread.sum)
