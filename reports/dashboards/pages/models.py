"""Which model is worth its price: cost, quality and speed, tokens, prices, service levels, provisioned throughput.

Here: the order of the parts. Not here: the parts themselves (``parts``), what to do with most money in it
(``savings``), objectives and alarms (``on_call``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Note, Page, Section, Tiles
from reports.dashboards.parts import capacity, model_tokens, prices, prompts, service, token_costs, tradeoff, unpriced
from reports.dashboards.view import View
from reports.measures.units import model_costs


def build(view: View) -> Page:
    ask = Ask(view)
    costs = token_costs.costs_of(ask)
    lines = model_costs(costs)
    sums, days = model_tokens.sums_of(ask)
    by_app = prompts.prompts_of(ask)
    variants = tradeoff.variants_of(ask)
    services = service.services_of(ask)
    units = capacity.units_of(ask)
    hits = model_tokens.cache_hits_chart(sums)
    tiles = [
        *token_costs.tiles(ask, costs),
        *model_tokens.tiles(ask, sums, by_app),
        *tradeoff.tiles(ask, variants),
        *service.failed_tiles(services),
    ]
    missing = Note(
        f"No model usage and no bill of a model's tokens in {view.currency} is known of {view.period.label}; "
        "connect gateway spans, usage files or Azure Monitor.",
        "warn",
    )
    return Page(
        "models",
        "Models",
        "Which model does the work for the least money, and do we pay the right price for it?",
        (
            Section("short", "In short", ((Tiles(tiles),),)),
            Section(
                "tradeoff",
                "Cost, quality, speed",
                ((tradeoff.chart(ask, variants),), (tradeoff.table(ask, variants),)),
            ),
            Section(
                "cost",
                "What tokens cost",
                (
                    (token_costs.trend_chart(ask, lines),),
                    (token_costs.table(ask, lines),),
                    (model_tokens.classes_table(ask, sums),),
                ),
            ),
            Section(
                "tokens",
                "What prompts are made of",
                (
                    (model_tokens.mix_chart(ask, days, max(hits.height, 280)), hits),
                    (prompts.table(ask, by_app),),
                    (prompts.lengths_chart(ask),),
                ),
            ),
            Section(
                "prices",
                "Prices in force",
                (
                    (prices.book_table(ask, sums),),
                    (prices.disagreements_table(ask),),
                    *unpriced.beside_prices(unpriced.usage_of(ask)),
                ),
                "What usage is priced with minutes after it happens. An invoice's own price wins over any list.",
            ),
            Section(
                "service",
                "Service levels",
                ((service.services_table(ask, services),), (capacity.deployments_table(ask),)),
            ),
            Section(
                "provisioned",
                "Provisioned throughput",
                capacity.unit_blocks(ask, units),
                capacity.unit_lead(ask, units),
            ),
        ),
        () if sums or lines else (missing,),
    )
