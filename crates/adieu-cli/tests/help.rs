//! What teaches: the help of every command.

mod support;

use support::Desk;

fn help(command: &str) -> String {
    let said = Desk::bare().adieu(&format!("{command} --help"));
    let out = said.well();
    assert!(out.lines().all(|line| line.chars().count() <= 100), "too wide for a terminal:\n{out}");
    // Clap ends some lines with blanks.
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_program() {
    insta::assert_snapshot!(help(""), @r"
    Trains neural networks without back-propagation, trains the same networks with it, and measures what
    each costs

    Usage: adieu [OPTIONS] <COMMAND>

    Commands:
      duel         Forward-Forward against back-propagation: same network, rows, batches and initial
                   weights
      train        Run a recipe
      sweep        Run a recipe with one setting changed after the other, or over a grid
      study        Run a built-in sweep
      resume       Go on with an interrupted run or duel
      eval         Judge the rows of a split by a trained network
      predict      Ask a trained network about one image
      generate     Let a trained network write text
      report       Make a page of figures and tables of any runs
      list         Show what recipes can choose from, what is measured and what reports show
      lint         Check records and recipes
      data         Show datasets
      bench        Measure how fast this machine trains
      export       Write a run's record in the format of another tool, or send it to one
      watch        Watch a run from another terminal
      doctor       Tell what this machine can be measured by
      profile      Measure what a training step and an answer cost
      stall-probe  Find out how much of a training is waiting for data
      completions  Print a completion script for a shell
      man          Print the manual page, or write the pages of all commands into a folder
      help         Print this message or the help of the given subcommand(s)

    Options:
      -q, --quiet        Show no progress; results and errors still come
          --threads <N>  Threads that work; results are the same for any number [default: one a core]
      -h, --help         Print help
      -V, --version      Print version

    Instruments:
          --meter <URL|FILE>             Power meter at the socket: http://PLUG, or the file a logger
                                         appends `unix_s,watts` to
          --estimate                     Estimate the processors' energy by their model; never mixed
                                         with what is measured
          --assume-cpu-watts <IDLE:MAX>  The same by your own figures: their power idle and at work, in
                                         watts

    Exit codes:
      0  done
      1  a run failed, diverged or was interrupted, or an input file is bad
      2  wrong usage, or a faulty recipe

    A run is a folder: recipe.toml (every default spelled out), events.jsonl (all that happened) and
    checkpoint-N.safetensors. New ones lie in runs/ below the current folder unless --out says
    otherwise.
    Ctrl-C finishes the step, saves, and says how to go on; nothing is lost.

    Start here:
      adieu duel --epochs 3       Forward-Forward against back-propagation on handwritten digits
      adieu list                  everything a recipe can choose from
    ");
}

/// The defaults are tuned in the library; the help names whatever they are.
#[test]
fn duel() {
    let real = adieu::duel::Duel::default();
    let hidden: Vec<String> = real.hidden.iter().map(u64::to_string).collect();
    let help = help("duel").replace(&format!("[default: {}]", real.epochs), "[default: EPOCHS]");
    insta::assert_snapshot!(help.replace(&format!("[default: {}]", hidden.join(",")), "[default: WIDTHS]"), @r#"
    Forward-Forward against back-propagation: same network, rows, batches and initial weights.

    Trains one network twice from the same initial weights, on the same rows and batches: by
    Forward-Forward and by back-propagation. Ends with a table, a verdict in words, and a report with
    figures.

    Each seed is a pair of runs; several seeds give paired intervals. With --out, a duel that lies there
    already goes on: what is finished is kept, what was interrupted is resumed, and options not named
    are those of that duel.

    Usage: adieu duel [OPTIONS]

    Options:
          --epochs <N>
              Times each learner goes through the training rows [default: EPOCHS]

          --hidden <WIDTHS>
              Widths of the hidden layers [default: WIDTHS]

          --seeds <N>
              Number of pairs, with seeds S, S+1, …; a duel that lies in --out may be given more
              [default: 1]

          --seed <S>
              First seed [default: 1]

          --data-dir <DIR>
              Folder of IDX files to learn from, instead of the bundled digits

          --out <DIR>
              Folder of the duel [default: runs/duel-DATE-TIME, in UTC]

          --json
              Print one JSON object instead: {"runs": […], "groups": […], "comparisons": […], "report":
              PATH}

          --open
              Open the report when it is made

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu duel                                    the bundled digits
      adieu duel --epochs 3 --hidden 400,400        a smaller network, fewer epochs
      adieu duel --seeds 5 --out runs/five --open   five pairs, then show the report
      adieu duel --out runs/five                    go on after an interruption
      adieu duel --data-dir ~/data/fashion-mnist    your own IDX files
      adieu duel --json | jq '.runs[].test_error'   for programs

    The folder gets duel.json (the options), LEARNER/seed-N/ (the runs), report.html and report.json.
    "#);
}

#[test]
fn train() {
    insta::assert_snapshot!(help("train"), @r#"
    Run a recipe.

    A recipe is a TOML file that says what to learn from, the network, and how it learns. The run ends
    with a table and a report.

    Usage: adieu train [OPTIONS] <RECIPE>

    Arguments:
      <RECIPE>
              The recipe

    Options:
          --out <DIR>
              Folder of the run; must not hold one already [default: runs/NAME-SEED-DATE-TIME, in UTC]

          --seed <S>
              Seed, instead of the recipe's

          --set <KEY=VALUE>
              Another value for a dotted key of the recipe; may be given several times

          --json
              Print one JSON object instead: {"runs": […], "groups": […], "comparisons": […], "report":
              PATH}

          --open
              Open the report when it is made

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu train recipes/ff-mnist-1000x3.toml
      adieu train my.toml --out runs/first --seed 7
      adieu train my.toml --set train.epochs=3 --set learner.optimizer.rate=0.01
      adieu train recipes/deeper-forward/cifar-10.toml --set data.kind=images --set data.dir=pictures

    A recipe can be as short as this; `adieu list` shows the choices, `adieu list schema` every key:
      [model]
      blocks = [[1000], [1000], [1000]]
      [learner]
      kind = "forward_forward"
    "#);
}

#[test]
fn sweep() {
    insta::assert_snapshot!(help("sweep"));
}

#[test]
fn study_goodness() {
    insta::assert_snapshot!(help("study goodness"));
}

#[test]
fn study_rules() {
    insta::assert_snapshot!(help("study rules"));
}

#[test]
fn bench_suite() {
    insta::assert_snapshot!(help("bench suite"));
}

#[test]
fn watch() {
    insta::assert_snapshot!(help("watch"));
}

#[test]
fn export() {
    insta::assert_snapshot!(help("export"));
}

#[test]
fn resume() {
    insta::assert_snapshot!(help("resume"), @r#"
    Go on with an interrupted run or duel.

    A run goes on from its latest whole checkpoint, and its result is that of the uninterrupted run, bit
    for bit.

    Usage: adieu resume [OPTIONS] <RUN|DUEL>

    Arguments:
      <RUN|DUEL>
              Folder of a run or a duel

    Options:
          --json
              Print one JSON object instead: {"runs": […], "groups": […], "comparisons": […], "report":
              PATH}

          --open
              Open the report when it is made

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu resume runs/first
      adieu resume runs/five        a duel: finished runs are kept, the others go on or begin
    "#);
}

#[test]
fn eval() {
    insta::assert_snapshot!(help("eval"), @r#"
    Judge the rows of a split by a trained network.

    Takes the latest checkpoint of a run and shows the error, with its binomial standard error, and
    which class was taken for which.

    Usage: adieu eval [OPTIONS] <RUN>

    Arguments:
      <RUN>
              Folder of a run

    Options:
          --split <SPLIT>
              Which rows; only runs with data.split = "choose" hold rows out for validation

              [default: test]
              [possible values: test, validation, train]

          --readout <NAME>
              Way to read out an answer [default: the learner's own]

          --data-dir <DIR>
              Folder of other IDX files to judge, of the same classes and size

          --json
              Print one JSON object instead

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu eval runs/first
      adieu eval runs/first --readout head
      adieu eval runs/first --split train --json
      adieu eval runs/first --data-dir ~/data/shifted-digits
    "#);
}

#[test]
fn predict() {
    insta::assert_snapshot!(help("predict"), @r"
    Ask a trained network about one image.

    Takes the latest checkpoint of a run and shows its guess and the score of each class. The image must
    have the size of the training images; it is not scaled. The bundled digits are light on dark.

    Usage: adieu predict [OPTIONS] <RUN> <IMAGE>

    Arguments:
      <RUN>
              Folder of a run

      <IMAGE>
              A PNG picture, or FILE#ROW of an IDX file of images

    Options:
          --readout <NAME>
              Way to read out an answer [default: the learner's own]

          --json
              Print one JSON object instead

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu predict runs/first seven.png
      adieu predict runs/first t10k-images-idx3-ubyte#17     row 17 of an IDX file, from 0
      adieu predict runs/first seven.png --readout head --json
    ");
}

#[test]
fn generate() {
    insta::assert_snapshot!(help("generate"), @r#"
    Let a trained network write text.

    Takes the latest checkpoint of a run on text, such as the dataset `fables`, and writes on from a few
    symbols: each is drawn from the softmax of the scores the network gives, and appended to what it
    reads next.

    Usage: adieu generate [OPTIONS] <RUN>

    Arguments:
      <RUN>
              Folder of a run

    Options:
          --start <TEXT>
              What to go on from; at least as long as what the network reads [default: the first test
              row]

          --length <N>
              Symbols to write

              [default: 200]

          --temperature <T>
              What scores are divided by: above 1 it dares more, below 1 less; 0 takes the likeliest

              [default: 1]

          --seed <N>
              Draws: the same seed writes the same

              [default: 1]

          --readout <NAME>
              Way to read out an answer [default: the learner's own]

          --json
              Print one JSON object instead

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu generate runs/fables
      adieu generate runs/fables --start 'a fox once saw' --temperature 0.5
      adieu generate runs/fables --length 1000 --seed 2 --json
    "#);
}

#[test]
fn doctor() {
    insta::assert_snapshot!(help("doctor"), @r#"
    Tell what this machine can be measured by.

    Reads every sensor there is for time, processors, memory, clocks, heat and energy, and tells of each
    what it says, how finely, and what a reading costs. What cannot be read is named with the reason and
    what would mend it; nothing is ever taken for zero. Sensors of energy are found below /sys; most
    need the bare machine, and some need root.

    Usage: adieu doctor [OPTIONS]

    Options:
          --json
              Print one JSON object instead: {"machine": {…}, "sources": […], "overhead": …}

          --overhead
              Time a fixed piece of work with and without the sensors, in turn; about 40 seconds

          --dump <FILE>
              Write what the sensors' files say into FILE, which must not be there yet

          --root <DIR>
              Read the files of another machine, laid out below this folder as they are below /

              [default: /]

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu doctor
      adieu doctor --json | jq '.sources[] | select(.value.kind == "unavailable") | .value.remedy'
      adieu doctor --overhead                what reading the sensors slows down
      adieu doctor --dump sensors.txt        all sensor files, for a bug report: read it before you send
      it
    "#);
}

#[test]
fn stall_probe() {
    insta::assert_snapshot!(help("stall-probe"));
}

#[test]
fn profile() {
    insta::assert_snapshot!(help("profile"), @r#"
    Measure what a training step and an answer cost.

    Of a training step: time by phase and layer, memory, multiply-adds, energy. Of an answer: latency
    (median, 95th and 99th percentile), throughput, memory and energy, by every read-out and several
    batches. Forward-Forward's goodness runs the network once for each label; its head once. A run is
    taken as its latest checkpoint has it and left as it is; a recipe as it is before the first step,
    data and all.

    Usage: adieu profile [OPTIONS] <RUN|RECIPE>

    Arguments:
      <RUN|RECIPE>
              Folder of a run, or a recipe (.toml)

    Options:
          --set <KEY=VALUE>
              Another value for a dotted key of the recipe; may be given several times

          --steps <N>
              Steps of training to time, after five that do not count

              [default: 50]

          --seconds <S>
              Length of each loop of answers; energy wants 10 or more

              [default: 2]

          --batch <ROWS>
              Rows answered at once, separated by commas

              [default: 1,8,64,256]

          --json
              Print one JSON object instead: {"subject": …, "training": {…}, "inference": […], …}

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu profile runs/first
      adieu profile recipes/ff-mnist-1000x3.toml --batch 1,500 --seconds 10
      adieu profile runs/first --threads 1 --json | jq '.inference[] | {readout, rows, p99_s}'

    Compare what was measured on the same machine, with the same number of threads, with nothing beside
    it.
    "#);
}

#[test]
fn bench_scaling() {
    insta::assert_snapshot!(help("bench scaling"), @r#"
    Measure how cost grows with depth, width and batch.

    Trains nets of the bundled digits by Forward-Forward and by back-propagation, with one of depth,
    width and batch changed at a time around a net in the middle, all in turn. Tells of each the time of
    a step, its multiply-adds, the bytes kept from the forward pass for credit (counted) and the bytes
    of the whole step (by the learner's formula); then fits how each grows: an exponent of 0 does not,
    of 1 does in proportion. Draws it all, log-log, on one page.

    Usage: adieu bench scaling [OPTIONS]

    Options:
          --depths <LAYERS>
              Numbers of hidden layers

              [default: 2,4,8,16]

          --widths <UNITS>
              Units of each hidden layer

              [default: 250,500,1000]

          --batches <ROWS>
              Rows of a step

              [default: 50,100,200,400]

          --turns <N>
              Turns of each net; the first does not count

              [default: 7]

          --steps <N>
              Steps of a turn

              [default: 10]

          --out <DIR>
              Folder of the page and its numbers [default: runs/bench-scaling-DATE-TIME, in UTC]

          --json
              Print one JSON object instead, that of scaling.json: {"points": […], "growth": […]}

          --open
              Open the page when it is made

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu bench scaling
      adieu bench scaling --depths 2,4,8,16,32 --turns 15
      adieu bench scaling --json | jq '.growth[] | select(.axis == "depth")'
    "#);
}

#[test]
fn report() {
    insta::assert_snapshot!(help("report"), @r#"
    Make a page of figures and tables of any runs.

    Reads the records of all runs at or below the folders named and makes one report of them: FILE is
    one page that needs nothing else, and its numbers lie beside it as .json. Reports are derived:
    delete and make them as you like.

    Usage: adieu report [OPTIONS] <RUN|DIR>...

    Arguments:
      <RUN|DIR>...
              Folders of runs or duels, or folders above them

    Options:
          --out <FILE>
              Where the page goes [default: report.html in the folder named, or here if there are
              several]

          --json
              Print one JSON object instead: {"runs": […], "groups": […], "comparisons": […], "report":
              PATH}

          --open
              Open the report when it is made

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu report runs/five --open
      adieu report runs/ff-mnist-1 runs/bp-mnist-1 --out compared.html
      adieu report runs --json | jq '.groups[].metrics.test_error'
    "#);
}

#[test]
fn list() {
    insta::assert_snapshot!(help("list"), @r"
    Show what recipes can choose from, what is measured and what reports show.

    Shows every choice by the name that recipes use, with its settings and their defaults. Without a
    topic, all of them.

    Usage: adieu list [OPTIONS] [TOPIC]

    Arguments:
      [TOPIC]
              What to show

              Possible values:
              - learners
              - goodness
              - objectives
              - negatives
              - fakes
              - labels
              - optimizers
              - schedules
              - activations
              - norms
              - datasets
              - meters
              - exhibits
              - schema:      The JSON Schema of recipes

    Options:
          --json
              Print JSON instead

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu list
      adieu list optimizers
      adieu list schema > recipe.schema.json    for editors that complete and check TOML
    ");
}

#[test]
fn lint() {
    insta::assert_snapshot!(help("lint"), @r"
    Check records and recipes.

    Checks a folder's records against the rules every record obeys, and its recipe; or a recipe or sweep
    file, data and all. Every finding is printed with its line. Warnings mark what is sound but not
    finished.

    Usage: adieu lint [OPTIONS] <RUN|RECIPE|SWEEP>...

    Arguments:
      <RUN|RECIPE|SWEEP>...
              Folders of runs, folders above them, or recipes and sweeps (.toml)

    Options:
          --json
              Print a JSON list of findings instead

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu lint my.toml
      adieu lint runs/first runs/five

    Exit code 1 if a record has an error or data cannot be read, 2 if a recipe is faulty; warnings alone
    give 0.
    ");
}

#[test]
fn data() {
    insta::assert_snapshot!(help("data"), @r"
    Show datasets

    Usage: adieu data [OPTIONS] <COMMAND>

    Commands:
      list   Name the datasets, their licences, and what of them is on this machine
      fetch  Fetch a dataset from where it is published
      show   Describe a dataset and draw some of its images
      help   Print this message or the help of the given subcommand(s)

    Options:
      -q, --quiet        Show no progress; results and errors still come
          --threads <N>  Threads that work; results are the same for any number [default: one a core]
      -h, --help         Print help

    Instruments:
          --meter <URL|FILE>             Power meter at the socket: http://PLUG, or the file a logger
                                         appends `unix_s,watts` to
          --estimate                     Estimate the processors' energy by their model; never mixed
                                         with what is measured
          --assume-cpu-watts <IDLE:MAX>  The same by your own figures: their power idle and at work, in
                                         watts
    ");
}

#[test]
fn data_list() {
    insta::assert_snapshot!(help("data list"), @r"
    Name the datasets, their licences, and what of them is on this machine

    Usage: adieu data list [OPTIONS]

    Options:
          --json         Print JSON instead
      -q, --quiet        Show no progress; results and errors still come
          --threads <N>  Threads that work; results are the same for any number [default: one a core]
      -h, --help         Print help

    Instruments:
          --meter <URL|FILE>             Power meter at the socket: http://PLUG, or the file a logger
                                         appends `unix_s,watts` to
          --estimate                     Estimate the processors' energy by their model; never mixed
                                         with what is measured
          --assume-cpu-watts <IDLE:MAX>  The same by your own figures: their power idle and at work, in
                                         watts
    ");
}

#[test]
fn data_fetch() {
    insta::assert_snapshot!(help("data fetch"));
}

#[test]
fn data_show() {
    insta::assert_snapshot!(help("data show"), @r"
    Describe a dataset and draw some of its images

    Classes and their rows, the range of the values, rows that are there twice, how fast it was read,
    what was left out and why; and a picture of each class.

    Usage: adieu data show [OPTIONS] [NAME]

    Arguments:
      [NAME]
              Which [default: mnist; idx with --data-dir]

    Options:
          --data-dir <PATH>
              Folder of its files, or the file of a table

          --label <COLUMN>
              Column of the labels of a table [default: label, class, target or y]

          --no-labels
              The rows have no labels, or none that are wanted

          --on-bad <ON_BAD>
              What to do about rows that cannot be read

              Possible values:
              - fail: Stop, and name the file and the row
              - skip: Leave them out and count them

              [default: fail]

          --png <FILE>
              Write some rows of each class as one picture, too

          --json
              Print one JSON object instead

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu data show
      adieu data show --data-dir ~/data/fashion-mnist
      adieu data show csv --data-dir iris.csv --label species
      adieu data show npz --data-dir rows.npz --no-labels
      adieu data show images --data-dir ~/photos --on-bad skip --png photos.png
    ");
}

#[test]
fn bench() {
    insta::assert_snapshot!(help("bench"), @r"
    Measure how fast this machine trains

    Usage: adieu bench [OPTIONS] <COMMAND>

    Commands:
      engine   Time products, steps and epochs beside the peak of the machine
      scaling  Measure how cost grows with depth, width and batch
      suite    Measure what methods cost to a quality
      help     Print this message or the help of the given subcommand(s)

    Options:
      -q, --quiet        Show no progress; results and errors still come
          --threads <N>  Threads that work; results are the same for any number [default: one a core]
      -h, --help         Print help

    Instruments:
          --meter <URL|FILE>             Power meter at the socket: http://PLUG, or the file a logger
                                         appends `unix_s,watts` to
          --estimate                     Estimate the processors' energy by their model; never mixed
                                         with what is measured
          --assume-cpu-watts <IDLE:MAX>  The same by your own figures: their power idle and at work, in
                                         watts
    ");
}

#[test]
fn bench_engine() {
    insta::assert_snapshot!(help("bench engine"), @r"
    Time products, steps and epochs beside the peak of the machine.

    Times the three products of a dense layer, one Forward-Forward and one back-propagation step of
    784-2000x4, and an epoch of the bundled digits by both, with Forward-Forward's savings off and on.
    Beside every timing stands the multiply-add peak that the processor reached with operands in
    registers just before and after: machines drift and are shared, the fraction is what can be
    compared. Turns in which the peak sagged do not count.

    Takes some minutes. Close what else is running.

    Usage: adieu bench engine [OPTIONS]

    Options:
          --rows <ROWS>
              Rows of products and steps; half of Forward-Forward's are negative [default:
              128,1000,4096]

          --hidden <WIDTHS>
              Widths of the hidden layers [default: 2000,2000,2000,2000]

          --turns <N>
              Turns of each timing [default: 9]

          --epochs <N>
              Epochs to train; the last is timed [default: 1]

          --steps <N>
              Steps of an epoch, at most; what is told is then the time of those steps [default: all]

          --no-epoch
              Leave the epoch out

          --isa <NAME>
              Hold the kernels to an instruction set: avx512, avx2, neon or scalar

          --json
              Print one JSON object as the last line

      -q, --quiet
              Show no progress; results and errors still come

          --threads <N>
              Threads that work; results are the same for any number [default: one a core]

      -h, --help
              Print help (see a summary with '-h')

    Instruments:
          --meter <URL|FILE>
              Power meter at the socket: http://PLUG, or the file a logger appends `unix_s,watts` to

          --estimate
              Estimate the processors' energy by their model; never mixed with what is measured

          --assume-cpu-watts <IDLE:MAX>
              The same by your own figures: their power idle and at work, in watts

    Examples:
      adieu bench engine                          everything
      adieu bench engine --no-epoch --rows 1000   products and steps at one size
      adieu bench engine --epochs 5               time the fifth epoch: fewer rows still teach
      adieu bench engine --threads 1              what one core does
      adieu bench engine --json | tail -1 | jq    for programs
    ");
}

#[test]
fn completions() {
    insta::assert_snapshot!(help("completions"), @r"
    Print a completion script for a shell

    Usage: adieu completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  Which shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -q, --quiet        Show no progress; results and errors still come
          --threads <N>  Threads that work; results are the same for any number [default: one a core]
      -h, --help         Print help

    Instruments:
          --meter <URL|FILE>             Power meter at the socket: http://PLUG, or the file a logger
                                         appends `unix_s,watts` to
          --estimate                     Estimate the processors' energy by their model; never mixed
                                         with what is measured
          --assume-cpu-watts <IDLE:MAX>  The same by your own figures: their power idle and at work, in
                                         watts

    Examples:
      adieu completions bash > ~/.local/share/bash-completion/completions/adieu
      adieu completions zsh > ~/.zfunc/_adieu
      adieu completions fish > ~/.config/fish/completions/adieu.fish
    ");
}

#[test]
fn man() {
    insta::assert_snapshot!(help("man"), @r"
    Print the manual page, or write the pages of all commands into a folder

    Usage: adieu man [OPTIONS]

    Options:
          --out <DIR>    Write adieu.1, adieu-duel.1, … into this folder
      -q, --quiet        Show no progress; results and errors still come
          --threads <N>  Threads that work; results are the same for any number [default: one a core]
      -h, --help         Print help

    Instruments:
          --meter <URL|FILE>             Power meter at the socket: http://PLUG, or the file a logger
                                         appends `unix_s,watts` to
          --estimate                     Estimate the processors' energy by their model; never mixed
                                         with what is measured
          --assume-cpu-watts <IDLE:MAX>  The same by your own figures: their power idle and at work, in
                                         watts

    Examples:
      adieu man | man -l -
      adieu man --out ~/.local/share/man/man1
    ");
}

#[test]
fn nothing_asked_is_answered_with_help_and_a_short_word_with_the_long_one() {
    let desk = Desk::bare();
    let said = desk.adieu("");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("Start here:"), "{said:?}");
    assert_eq!(desk.adieu("help duel").well().trim_end(), help("duel"));
    assert_eq!(desk.adieu("--version").well(), concat!("adieu ", env!("CARGO_PKG_VERSION"), "\n"));
}
