"""Composition root of the window: the one place that knows state, workers and widgets."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy  # noqa: F401 - before Qt, whose import hook doubles the time that it takes
from PySide6.QtCore import QByteArray, QObject, Signal, Slot
from PySide6.QtWidgets import QApplication

from prefpaint_gui.backends import Backends
from prefpaint_gui.settings import (
    Settings,
    load_settings,
    option_values,
    personal_values,
    save_settings,
    with_options,
    with_personal,
    with_profiles_of,
)
from prefpaint_gui.state.answers import Answers
from prefpaint_gui.state.asking import Asking
from prefpaint_gui.state.candidates import Candidates
from prefpaint_gui.state.document import Document
from prefpaint_gui.state.exchange import Exchange
from prefpaint_gui.state.library import Library
from prefpaint_gui.state.models import BUILTIN
from prefpaint_gui.state.options import Options, suitable_brush
from prefpaint_gui.state.personal import Personal
from prefpaint_gui.state.regions import Regions
from prefpaint_gui.state.session import Session
from prefpaint_gui.state.training import Training
from prefpaint_gui.widgets.main_window import MainWindow
from prefpaint_gui.widgets.theme import apply_theme, colours_for
from prefpaint_gui.workers.downloads import DownloadWorker
from prefpaint_gui.workers.exchange import ExchangeWorker
from prefpaint_gui.workers.feedback import FeedbackWorker
from prefpaint_gui.workers.files import FileWorker
from prefpaint_gui.workers.generation import GenerationWorker
from prefpaint_gui.workers.learning import LearningWorker
from prefpaint_gui.workers.models import ModelsWorker
from prefpaint_gui.workers.regions import RegionsWorker
from prefpaint_gui.workers.rescoring import RescoringWorker
from prefpaint_gui.workers.threads import Worker, WorkerThreads
from prefpaint_gui.workers.training import TrainingWorker
from training.inpainting.settings import DeviceName

if TYPE_CHECKING:
    from prefpaint_gui.rating_app import RatingProgram


class Program(QObject):
    """The window with all that belongs to it."""

    warm_up_wanted = Signal()
    models_wanted = Signal()
    """Look again at which models there are."""

    def __init__(self, backends: Backends, settings: Settings, settings_file: Path | None) -> None:
        """settings_file: where settings are written at the end; None to write none.

        Profiles and resets are written at once: a crash must not bring back what was forgotten.
        """
        super().__init__()
        self._backends = backends
        self.ratings: list[RatingProgram] = []
        """Rating windows that are open."""
        self.settings = settings
        self._settings_file = settings_file
        self.document = Document()
        self.candidates = Candidates(self.document)
        self.options = Options(option_values(settings))
        self.regions = Regions(self.document, self.options)
        self.personal = Personal(self.candidates, personal_values(settings))
        self.answers = Answers(self.document, self.candidates, self.personal)
        self.session = Session(self.document, self.candidates, self.options, self.answers)
        self.asking = Asking(self.candidates, self.session, self.personal)
        self.library = Library()
        self.training = Training(settings.reward)
        self.exchange = Exchange()
        self.window = MainWindow(
            self.document,
            self.candidates,
            self.regions,
            self.options,
            self.session,
            self.library,
            self.personal,
            self.asking,
            self.training,
            self.exchange,
        )
        self._generation = GenerationWorker(
            backends.inpainter, backends.scorer, settings.reward, settings.device
        )
        self._file_worker = FileWorker()
        self._feedback = FeedbackWorker(backends.store)
        self._learning = LearningWorker()
        self._rescoring = RescoringWorker(backends.store, backends.scorer, settings.reward)
        self._exchange_worker = ExchangeWorker(backends.store)
        self._models = ModelsWorker(backends.models, backends.library)
        self._downloads = DownloadWorker(backends.library)
        self._trainer = TrainingWorker(backends.store, backends.training)
        self._region_worker = RegionsWorker()
        models: list[Worker] = [self._models, self._downloads, self._trainer]
        photo: list[Worker] = [self._generation, self._file_worker, self._region_worker]
        preferences: list[Worker] = [self._feedback, self._learning, self._rescoring]
        self._threads = WorkerThreads([*photo, *models, *preferences, self._exchange_worker])
        self._is_stopped = False
        self._connect_generation()
        self._connect_files()
        self._connect_feedback()
        self._connect_exchange()
        self._connect_library()
        self._connect_training()
        self._connect_lookups()
        self.document.replaced.connect(self._suit_brush)
        self.window.sample_wanted.connect(self.open_sample)
        self.window.closed.connect(self.stop)
        self.window.theme_wanted.connect(self.use_theme)
        self.window.device_wanted.connect(self._remember_device)
        self.window.device_wanted.connect(self._generation.use_device)
        self.window.files.folder_used.connect(self._remember_folder)
        self.window.rating_wanted.connect(self.open_rating)
        self._take_up_settings()

    def show(self) -> None:
        """Show the window; whatever can wait for it to be painted begins after that."""
        self.window.show()
        QApplication.processEvents()
        self._threads.start()
        self.models_wanted.emit()

    def _connect_generation(self) -> None:
        session, worker = self.session, self._generation
        self.warm_up_wanted.connect(worker.warm_up)
        session.jobs.started.connect(worker.fill)
        worker.previewed.connect(session.on_previewed)
        worker.dropped.connect(session.on_dropped)
        worker.filled.connect(session.on_filled)
        worker.progress.connect(session.jobs.on_progress)
        worker.finished.connect(session.jobs.finish)
        worker.failed.connect(session.on_failed)

    def _connect_files(self) -> None:
        files, worker = self.window.files, self._file_worker
        files.open_ordered.connect(worker.open)
        files.save_ordered.connect(worker.save)
        worker.opened.connect(files.on_opened)
        worker.open_failed.connect(files.on_open_failed)
        worker.saved.connect(files.on_saved)
        worker.save_failed.connect(files.on_save_failed)

    def _connect_feedback(self) -> None:
        answers, personal = self.answers, self.personal
        keeping, learning = self._feedback, self._learning
        answers.given.connect(learning.take)
        answers.given.connect(keeping.record)
        answers.swapped.connect(learning.swap)
        answers.swapped.connect(keeping.swap)
        answers.forgotten.connect(keeping.forget)
        personal.taste_wanted.connect(learning.order)
        personal.taste_wanted.connect(keeping.read_strips)
        personal.profiles_changed.connect(self._write_settings)
        keeping.strips_read.connect(learning.start)
        learning.started.connect(self._rescoring.order)
        self._rescoring.rescored.connect(learning.extend)
        keeping.persons_read.connect(personal.on_persons)
        keeping.not_kept.connect(learning.drop)
        keeping.failed.connect(self.session.failed)
        keeping.changed_elsewhere.connect(personal.learn_again)
        self.window.activated.connect(keeping.look)
        self.window.activated.connect(self._take_over_resets)
        learning.learned.connect(personal.on_learned)

    def _connect_exchange(self) -> None:
        exchange, worker = self.exchange, self._exchange_worker
        exchange.look_wanted.connect(worker.look)
        exchange.export_wanted.connect(worker.export)
        exchange.import_wanted.connect(worker.take_in)
        worker.looked.connect(exchange.on_looked)
        worker.progress.connect(exchange.on_progress)
        worker.done.connect(exchange.on_done)
        worker.failed.connect(exchange.on_failed)
        worker.noticed.connect(exchange.failed)
        exchange.imported.connect(self.personal.learn_again)

    def _connect_library(self) -> None:
        library, models, downloads = self.library, self._models, self._downloads
        library.listing_wanted.connect(models.list_all)
        library.add_wanted.connect(models.add)
        library.remove_wanted.connect(models.remove)
        library.models_changed.connect(self.models_wanted)
        library.models_changed.connect(self._generation.forget_model)
        library.models_changed.connect(self._give_up_lost_reward)
        library.plan_wanted.connect(downloads.plan)
        library.download_wanted.connect(downloads.download)
        models.listed.connect(library.on_listed)
        models.added.connect(library.on_added)
        models.removed.connect(library.on_removed)
        models.failed.connect(library.failed)
        downloads.offered.connect(library.on_offered)
        downloads.progress.connect(library.on_progress)
        downloads.downloaded.connect(library.on_downloaded)
        downloads.failed.connect(library.on_failed)
        downloads.broken_off.connect(library.on_broken_off)

    def _connect_training(self) -> None:
        training, worker = self.training, self._trainer
        training.look_wanted.connect(worker.look)
        training.begin_wanted.connect(worker.begin)
        training.resume_wanted.connect(worker.resume)
        training.pause_wanted.connect(worker.pause)
        training.delete_wanted.connect(worker.delete)
        training.take_wanted.connect(worker.take)
        training.reward_chosen.connect(self._generation.use_reward)
        training.reward_chosen.connect(self._rescoring.use_reward)
        training.reward_chosen.connect(self._remember_reward)
        worker.surveyed.connect(training.on_surveyed)
        worker.course_changed.connect(training.on_course)
        worker.taken.connect(training.on_taken)
        worker.failed.connect(training.on_failed)

    def _connect_lookups(self) -> None:
        self.models_wanted.connect(self._models.look)
        self._models.choices_listed.connect(self.options.set_models)
        self.regions.wanted.connect(self._region_worker.find)
        self._region_worker.found.connect(self.regions.on_found)

    # --- settings -----------------------------------------------------------------------------

    def _take_up_settings(self) -> None:
        settings, window = self.settings, self.window
        if not window.restoreGeometry(QByteArray.fromBase64(settings.geometry.encode())):
            window.resize(1280, 832)
        window.files.folder = Path(settings.last_folder) if settings.last_folder else None
        window.commands["panel"].setChecked(settings.panel_open)
        window.panel.setVisible(settings.panel_open)
        self.use_theme(settings.theme)
        window.commands.devices[settings.device].setChecked(True)
        self._give_up_lost_reward()
        window.status.show_reward(self.training.reward)

    @Slot()
    def _give_up_lost_reward(self) -> None:
        reward = self.training.reward
        if reward != BUILTIN and not Path(reward).is_file():
            self.training.choose(BUILTIN)
            self.window.banner.show_error(
                f"The reward {reward} is gone. The built-in one ranks your fills again."
            )

    @Slot(str)
    def _remember_reward(self, reward: str) -> None:
        self.settings = replace(self.settings, reward=reward)

    @Slot(str)
    def _remember_device(self, device: DeviceName) -> None:
        self.settings = replace(self.settings, device=device)

    @Slot(str)
    def use_theme(self, theme: str) -> None:
        """theme: "system", "dark" or "light"."""
        self.settings = replace(self.settings, theme=theme)
        self.window.commands.themes[theme].setChecked(True)
        self.follow_desktop()

    @Slot()
    def follow_desktop(self) -> None:
        """Look again at what the desktop is set to."""
        colours = colours_for(self.settings.theme)
        apply_theme(colours)
        self.window.set_colours(colours)
        for rating in self.ratings:
            rating.window.set_colours(colours)

    @Slot(object)
    def _remember_folder(self, folder: Path) -> None:
        self.settings = replace(self.settings, last_folder=str(folder))

    @Slot()
    def _write_settings(self) -> None:
        if self._settings_file is None:
            return
        settings = replace(
            self.settings,
            geometry=bytes(self.window.saveGeometry().toBase64().data()).decode(),
            panel_open=self.window.commands["panel"].isChecked(),
        )
        settings = with_options(settings, self.options.values)
        settings = with_personal(settings, self.personal.values)
        settings = with_profiles_of(settings, load_settings(self._settings_file))
        try:
            save_settings(settings, self._settings_file)
        except OSError as error:
            print(f"The settings could not be written ({error}).", file=sys.stderr)

    @Slot()
    def _take_over_resets(self) -> None:
        """What was reset or begun in another window meanwhile holds in this one too."""
        if self._settings_file is not None:
            mine = with_personal(self.settings, self.personal.values)
            both = with_profiles_of(mine, load_settings(self._settings_file))
            self.personal.update(profiles=both.profiles, learned_since=both.learned_since)

    @Slot()
    def _suit_brush(self) -> None:
        """A brush that shows at the same size on a small photo and on a large one."""
        self.options.update(brush_size=suitable_brush(*self.document.size))

    # --- the course of things -----------------------------------------------------------------

    @Slot()
    def open_sample(self) -> None:
        """Open the photo that comes with the program, with its mask."""
        from resources import SAMPLE_MASK, SAMPLE_PHOTO

        self.window.files.open_path(SAMPLE_PHOTO, SAMPLE_MASK)

    @Slot(object)
    def open_rating(self, folder: Path) -> None:
        """Rate the prompts in a folder, in a window that outlives this one."""
        from prefpaint_gui.rating_app import RatingProgram

        colours = colours_for(self.settings.theme)
        scorer = partial(self._backends.scorer, self.settings.reward)
        rating = RatingProgram(folder, None, self._backends.store, scorer, colours)
        self.ratings.append(rating)
        rating.closed.connect(lambda: self.ratings.remove(rating))
        rating.show()

    @Slot()
    def stop(self) -> None:
        """End all work and all processes; the window is closed already."""
        if not self._is_stopped:
            self._is_stopped = True
            self.session.jobs.cancel_all()
            self.library.cancel()
            self.training.close()
            self.exchange.cancel()
            self._rescoring.cancel()
            self._write_settings()
            self._threads.stop()


def build_window(
    backends: Backends, settings: Settings | None = None, settings_file: Path | None = None
) -> Program:
    """Put the program together, not shown yet; needs a QApplication."""
    return Program(backends, settings or Settings(), settings_file)
