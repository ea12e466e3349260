//! The rules by name: what each demands and what to do when it is broken.

/// A rule of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// `seq` counts 0, 1, 2, … without gaps.
    Sequence,
    /// Run time never goes back.
    Time,
    /// One `run_started`, first, of a known format, with steps in its epochs.
    Start,
    /// The record ends with `run_ended` (a warning: the run was cut off).
    End,
    /// After `run_ended` comes nothing but `resumed`, and that not after the run finished or diverged.
    AfterEnd,
    /// A run is resumed from a checkpoint of the record that is not superseded.
    Resume,
    /// A checkpoint's file lies in the run's folder.
    Checkpoint,
    /// Epochs count 1, 2, … and hold the steps planned; resuming goes back to the checkpoint's epoch.
    Epochs,
    /// Windows of steps follow each other without gap or overlap; steps done never decrease but by resuming.
    Steps,
    /// The training clock never goes back but by resuming, and is never ahead of run time.
    Clock,
    /// Rows, errors, error and confusion agree with each other and with the data.
    Evaluation,
    /// Read-outs are among those declared.
    Readout,
    /// Layers are among those declared.
    Layers,
    /// Scalars and gains are finite, and said once.
    Scalars,
    /// Readings are finite, in their unit's range, said once; what is unavailable has a reason and a remedy.
    Readings,
    /// Series have their quantity's unit, a source, and values in its range, at moments that follow each other and lie
    /// in the past; a quantity is said once an event.
    Series,
    /// Phases on the training clock add up to it, within 1 % + 50 ms.
    Phases,
    /// Pictures hold as many bytes as their size says.
    Pictures,
    /// A finished run has done all steps planned and has a last evaluation.
    Finished,
    /// The last line is whole (a warning).
    Torn,
}

impl Rule {
    /// All rules.
    pub const ALL: [Rule; 20] = [
        Rule::Sequence,
        Rule::Time,
        Rule::Start,
        Rule::End,
        Rule::AfterEnd,
        Rule::Resume,
        Rule::Checkpoint,
        Rule::Epochs,
        Rule::Steps,
        Rule::Clock,
        Rule::Evaluation,
        Rule::Readout,
        Rule::Layers,
        Rule::Scalars,
        Rule::Readings,
        Rule::Series,
        Rule::Phases,
        Rule::Pictures,
        Rule::Finished,
        Rule::Torn,
    ];

    /// Name, as in messages.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Sequence => "sequence",
            Rule::Time => "time",
            Rule::Start => "start",
            Rule::End => "end",
            Rule::AfterEnd => "after_end",
            Rule::Resume => "resume",
            Rule::Checkpoint => "checkpoint",
            Rule::Epochs => "epochs",
            Rule::Steps => "steps",
            Rule::Clock => "clock",
            Rule::Evaluation => "evaluation",
            Rule::Readout => "readout",
            Rule::Layers => "layers",
            Rule::Scalars => "scalars",
            Rule::Readings => "readings",
            Rule::Series => "series",
            Rule::Phases => "phases",
            Rule::Pictures => "pictures",
            Rule::Finished => "finished",
            Rule::Torn => "torn",
        }
    }

    /// What to do when it is broken.
    pub fn remedy(self) -> &'static str {
        match self {
            Rule::End => "resume the run, or discard it",
            Rule::Torn => "nothing to do: resuming drops the torn line",
            Rule::Sequence | Rule::Time | Rule::Start | Rule::AfterEnd => {
                "lines were lost, doubled or edited: restore the record from a copy, or run the recipe again"
            }
            Rule::Resume | Rule::Checkpoint => {
                "do not trust what follows: resume from a checkpoint that the record names, or run the recipe again"
            }
            Rule::Phases => {
                "do not compare this run's times by phase; the trainer lost track of its clock, please report it"
            }
            Rule::Readings => "do not use this reading; a meter is at fault, please report it",
            Rule::Series => "do not use this series; what samples is at fault, please report it",
            Rule::Pictures => "ignore these pictures; what drew them is at fault, please report it",
            Rule::Epochs
            | Rule::Steps
            | Rule::Clock
            | Rule::Evaluation
            | Rule::Readout
            | Rule::Layers
            | Rule::Scalars
            | Rule::Finished => {
                "draw no conclusion from this run: it was edited, or the trainer is at fault, which please report"
            }
        }
    }
}
