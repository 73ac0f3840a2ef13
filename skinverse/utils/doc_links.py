"""Links from an estimator's picture in a notebook to its page in the documentation."""

import sys

# Where the documentation lives: nothing else in the package says so.
SITE = "https://skinverse.readthedocs.io/en/latest/"


class DocLinkMixin:
    """Settings of scikit-learn's HTML representation, whose question mark then leads to our pages.

    A subclass that lives in another package has no page, and no link.
    """

    _doc_link_module = "skinverse"
    _doc_link_template = SITE + "api/generated/{estimator_module}.{estimator_name}.html"

    def _doc_link_url_param_generator(self):
        """Pages are named as users import the class: from the outermost package that offers it."""
        cls = type(self)
        parts = cls.__module__.split(".")
        places = (".".join(parts[: k + 1]) for k in range(len(parts)))
        home = next(
            (place for place in places if getattr(sys.modules[place], cls.__name__, None) is cls),
            cls.__module__,
        )
        return {"estimator_module": home, "estimator_name": cls.__name__}
