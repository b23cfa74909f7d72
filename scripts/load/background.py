"""Work beside the runs."""

import threading

from server import Failed


class Background:
    """Work in a thread of its own for as long as it is open. What goes wrong in it is raised where it is closed."""

    def __init__(self):
        self.ended, self.failure = threading.Event(), None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def work(self):
        """Goes on until `ended` is set."""
        raise NotImplementedError

    def _run(self):
        try:
            self.work()
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.thread.join()
        if kind is None and self.failure is not None:
            raise Failed(f"{type(self).__name__}: {self.failure!r}") from self.failure
