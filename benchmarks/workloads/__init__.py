"""The five systems that fastdata serves, each as a small real project, before and after.

A workload is a folder here. From benchmarks/, each of its scripts runs alone::

    python -m workloads.gray128.data      make the files
    python -m workloads.gray128.before    train from them the naive way, and print one JSON line
    python -m workloads.gray128.after     pack them, train by FastLoader and Trainer, likewise
    fastdata train workloads/gray128/config.yaml    the same from a YAML config, with its packs
    python -m workloads.run --write       measure all of them, and renew the table of README.md

Everything made lies in the workload's folder ``made`` unless ``--work`` names another. Beside
other programs, set OMP_WAIT_POLICY=PASSIVE, as `run.py` and `fastdata train` do: there,
small steps take many times as long when torch's threads spin while they wait for each other.

The contract of a workload NAME:

- ``data.py`` has ``JOB``, a `Job` with the default size, and ``make_files(job)``, which writes the
  raw files, as a user has them, into ``job.work / "files"``: made ones, or those of ``job.data``.
  The held-out split is made here, so that both cases get the same: by the sample's name
  (`splitting.is_held_out`), or by time.
- ``model.py`` has the network, and the loss or step function where torch has none. It imports
  nothing of `workloads`, since ``config.yaml`` names it as ``model:Name``, from its own folder.
- ``before.py`` has ``train(job) -> Outcome``: what users write first. A Dataset over the files, a
  DataLoader with 0 workers, float32, a small batch, ``loss.item()`` at each step, evaluation each
  epoch. Batches are taken through `Stopwatch.epoch`, which is ``next()`` and a clock.
- ``after.py`` has ``pack(job)``, which makes ``train.lmdb`` and ``val.lmdb`` in ``job.work``, and
  ``train(job) -> Outcome``: FastLoader and Trainer. Its times are the Trainer's (`Journal`).
- ``config.yaml`` trains on ``made/train.lmdb`` and ``made/val.lmdb`` beside it.

Both cases see the same samples equally often, train the same network, and are judged on the same
held-out samples by the same metric, beside that of a predictor that does not look at its input.
"""
