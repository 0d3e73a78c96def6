"""The room of exploration: one search over the situations of a chart, one chooser of what the world may do there.

``values`` chooses values: those of a type, those at the boundary of a condition, those the chart knows (``pools``).
``stimuli`` makes of them what can be done to a machine: events with payloads, timers, what adapters show. ``search``
goes from situation to situation, the most promising first, none twice. What is looked for, and how promising a
situation is for it, stands with those who ask: every transition (``testing.transitions``), every pair of them
(``testing.pairs``), a broken promise (``check.invariants``, and ``testing.together`` for a chart with its children).
"""
