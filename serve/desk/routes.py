"""All pages of the desk on one blueprint: importing a module registers its views."""

from serve.desk import access, calls, customers, health, plan, results, score_file, words

__all__ = ["blueprint", "calls", "customers", "health", "plan", "results", "score_file"]

blueprint = access.blueprint
for _name, _filter in words.FILTERS.items():
    blueprint.add_app_template_filter(_filter, _name)
