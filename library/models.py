"""What the library holds: authors and their books, and what is computed of them."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

NAME_LENGTH = 200
TITLE_LENGTH = 500
LANGUAGE_LENGTH = 20
EARLIEST_YEAR = -4000  # there is no older writing
LATEST_YEAR = 2100  # announced books have a year to come; anything later is a mistake
LOWEST_RATING = Decimal(0)
HIGHEST_RATING = Decimal(5)


class Author(models.Model):
    """Somebody who is the first author of a book."""

    name = models.CharField(_("name"), max_length=NAME_LENGTH, unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("author")
        verbose_name_plural = _("authors")

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    """A title of the catalogue, not one of its copies."""

    source_id = models.PositiveBigIntegerField(
        _("source id"),
        unique=True,
        null=True,
        editable=False,
        help_text=_("The key of the source that the book was loaded from; empty for a generated one."),
    )
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    author = models.ForeignKey(
        Author,
        on_delete=models.PROTECT,  # to delete an author is no way to lose books
        related_name="books",
        verbose_name=_("author"),
    )
    contributors = models.TextField(
        _("contributors"), blank=True, help_text=_("The other authors, separated by commas.")
    )
    isbn13 = models.CharField(_("ISBN-13"), max_length=13, blank=True)
    published_year = models.SmallIntegerField(
        _("year of publication"),
        null=True,
        blank=True,
        validators=[MinValueValidator(EARLIEST_YEAR), MaxValueValidator(LATEST_YEAR)],
        help_text=_("Years BC are negative."),
    )
    language = models.CharField(_("language"), max_length=LANGUAGE_LENGTH, blank=True)
    average_rating = models.DecimalField(
        _("average rating"),
        max_digits=3,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(LOWEST_RATING), MaxValueValidator(HIGHEST_RATING)],
    )
    ratings_count = models.PositiveIntegerField(_("number of ratings"), default=0)
    available = models.BooleanField(_("available"), default=True)
    added_at = models.DateTimeField(_("added at"), default=timezone.now)

    class Meta:
        ordering = ["pk"]  # an export of every book streams along the primary key, with no sort
        indexes = [
            # The filter ignores case: an index on the plain column could not serve it.
            models.Index(Upper("language"), name="library_book_language"),
            models.Index(fields=["published_year"], name="library_book_published"),
        ]
        permissions = [("generate_book", "Can generate books")]
        verbose_name = _("book")
        verbose_name_plural = _("books")

    def __str__(self) -> str:
        return self.title


class AuthorStatistics(models.Model):
    """What an author's books came to when they were last looked at."""

    author = models.OneToOneField(
        Author,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="statistics",
        verbose_name=_("author"),
    )
    books_count = models.PositiveIntegerField(_("number of books"))
    ratings_count = models.PositiveBigIntegerField(_("number of ratings"))
    average_rating = models.DecimalField(
        _("average rating"),
        max_digits=3,
        decimal_places=2,
        null=True,
        help_text=_("Of all ratings of all books; empty without ratings."),
    )
    first_year = models.SmallIntegerField(_("first year of publication"), null=True)
    last_year = models.SmallIntegerField(_("last year of publication"), null=True)
    computed_at = models.DateTimeField(_("computed at"))

    class Meta:
        # The page of authors is read along it, however many there are.
        indexes = [models.Index(fields=["-ratings_count", "author"], name="library_statistics_most_rated")]
        permissions = [("recompute_authorstatistics", "Can recompute the statistics of authors")]
        verbose_name = _("statistics of an author")
        verbose_name_plural = _("statistics of authors")

    def __str__(self) -> str:
        return str(self.author)
