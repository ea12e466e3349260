//! Writing on: a network that knows what follows goes on from its own words.

use adieu_core::parts::chance::{Purpose, Rng};
use adieu_core::parts::negatives::sample;
use adieu_data::ImageShape;
use adieu_record::Split;

use crate::plan::Plan;
use crate::{Error, Trained};

/// The sequences a network was trained on, told by its data: what a symbol is written as, and how many it sees.
#[derive(Debug)]
pub struct Script {
    symbols: Vec<char>,
    window: usize,
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// Symbols to write.
    pub length: usize,
    /// What scores are divided by before the softmax: above 1 it dares more, below 1 less; 0 takes the likeliest.
    pub temperature: f64,
    /// The draws.
    pub seed: u64,
    /// The read-out whose scores are taken for logits.
    pub readout: &'a str,
}

impl Script {
    /// The script of images of one line a symbol, one-hot; `None` if they are of another kind. A class is written as its
    /// name, if that is a single character, or as a blank, if its name is `space`.
    fn of(classes: &[String], image: ImageShape) -> Option<Script> {
        let symbol = |name: &String| match (name.as_str(), name.chars().count()) {
            ("space", _) => Some(' '),
            (_, 1) => name.chars().next(),
            _ => None,
        };
        let symbols: Vec<char> = classes.iter().map(symbol).collect::<Option<_>>()?;
        let sequence = image.channels == 1 && image.width == symbols.len();
        sequence.then_some(Script { symbols, window: image.height })
    }

    /// Symbols that the network sees at once.
    pub fn window(&self) -> usize {
        self.window
    }

    /// The symbols of `text`, or the first character that is none.
    ///
    /// # Errors
    /// That character.
    pub fn read(&self, text: &str) -> Result<Vec<u8>, char> {
        let place = |c: char| self.symbols.iter().position(|symbol| *symbol == c).map(|at| at as u8).ok_or(c);
        text.chars().map(place).collect()
    }

    /// All symbols.
    pub fn alphabet(&self) -> String {
        self.symbols.iter().collect()
    }

    /// A window of symbols as pixels: one line each, one pixel lit.
    fn pixels(&self, window: &[u8]) -> Vec<u8> {
        let lit = |line: usize, at: usize| if usize::from(window[line]) == at { 255 } else { 0 };
        let symbols = self.symbols.len();
        (0..window.len() * symbols).map(|pixel| lit(pixel / symbols, pixel % symbols)).collect()
    }

    /// Pixels as text; `None` if a line is dark.
    fn text(&self, pixels: &[u8]) -> Option<String> {
        let symbol = |line: &[u8]| Some(self.symbols[line.iter().position(|pixel| *pixel > 0)?]);
        pixels.chunks_exact(self.symbols.len()).map(symbol).collect()
    }
}

impl Trained {
    /// The script of its data.
    ///
    /// # Errors
    /// [`Error::Folder`] if that is no text.
    pub fn script(&self) -> Result<Script, Error> {
        Script::of(self.classes(), self.image()).ok_or_else(|| Error::Folder {
            path: self.folder().path().into(),
            what: format!("a network trained on `{}` tells no next symbol", self.start().data.name),
            remedy: "choose a run on text, such as the dataset `fables`".into(),
        })
    }

    /// The first test row, as text; reads the run's data.
    ///
    /// # Errors
    /// [`Error::Data`], [`Error::Recipe`]; [`Error::Folder`] if the data is no text, or has no rows to test.
    pub fn sample_text(&self) -> Result<String, Error> {
        let script = self.script()?;
        let plan = Plan::of(self.recipe().clone(), &self.folder().recipe_path().display().to_string())?;
        let first = plan.rows(Split::Test).first().and_then(|row| plan.data.test.picture(*row as usize));
        let row = first.and_then(|row| script.text(row));
        row.ok_or_else(|| Error::Folder {
            path: self.folder().path().into(),
            what: "its data has no test row that is text".into(),
            remedy: "give the text to start from".into(),
        })
    }

    /// What the network writes after `start`; each symbol is told as it comes, until `told` says that it is enough. Of
    /// `start` it sees the last [`Script::window`] symbols.
    ///
    /// # Errors
    /// [`Error::Folder`] if the data is no text; [`Error::Checkpoint`] if a score is not finite.
    ///
    /// # Panics
    /// If `start` is shorter than a window or holds unknown symbols, the temperature is not a number from 0, or there is
    /// no such read-out.
    pub fn write(
        &self,
        start: &[u8],
        writing: Writing<'_>,
        told: &mut dyn FnMut(char) -> bool,
    ) -> Result<String, Error> {
        let script = self.script()?;
        assert!(
            start.len() >= script.window && writing.temperature >= 0.0,
            "the start and the manner were checked"
        );
        let mut window = start[start.len() - script.window..].to_vec();
        let mut text = String::new();
        for i in 0..writing.length {
            let scores = self.scores(&script.pixels(&window), writing.readout)?;
            let draw = Rng::stream(writing.seed, Purpose::Probe, i as u64).unit_f64();
            let next = chosen(&scores, writing.temperature, draw);
            window.rotate_left(1);
            if let Some(last) = window.last_mut() {
                *last = next;
            }
            text.push(script.symbols[usize::from(next)]);
            if !told(script.symbols[usize::from(next)]) {
                break;
            }
        }
        Ok(text)
    }
}

/// The class drawn from softmax(scores / temperature); of a temperature of 0, the best.
fn chosen(scores: &[f32], temperature: f64, draw: f64) -> u8 {
    if temperature == 0.0 {
        return (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best }) as u8;
    }
    // Before the division: the best is 0, so that nothing overflows upwards.
    let best = scores.iter().copied().fold(f32::MIN, f32::max);
    let logits: Vec<f32> = scores.iter().map(|z| (f64::from(z - best) / temperature) as f32).collect();
    sample(&logits.iter().map(|z| z.max(f32::MIN)).collect::<Vec<_>>(), draw)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: ImageShape = ImageShape { height: 2, width: 3, channels: 1 };

    fn script() -> Script {
        Script::of(&["a", "space", "ß"].map(String::from), IMAGE).expect("a script")
    }

    #[test]
    fn a_script_reads_and_writes_its_symbols() {
        let script = script();
        assert_eq!((script.window(), script.alphabet().as_str()), (2, "a ß"));
        assert_eq!(script.read("ß a"), Ok(vec![2, 1, 0]));
        assert_eq!(script.read("aß\n"), Err('\n'));
        let pixels = script.pixels(&[1, 2]);
        assert_eq!(pixels, [0, 255, 0, 0, 0, 255]);
        assert_eq!(script.text(&pixels).as_deref(), Some(" ß"));
        assert_eq!(script.text(&[0; 6]), None);
    }

    #[test]
    fn images_of_other_shapes_and_classes_of_longer_names_are_no_script() {
        let names = |names: [&str; 3]| names.map(String::from);
        assert!(Script::of(&names(["a", "b", "boot"]), IMAGE).is_none());
        assert!(Script::of(&names(["a", "b", "c"]), ImageShape { width: 4, ..IMAGE }).is_none());
        assert!(Script::of(&names(["a", "b", "c"]), ImageShape { channels: 3, ..IMAGE }).is_none());
    }

    #[test]
    fn the_temperature_says_how_much_chance_there_is() {
        let scores = [0.0, 2.0, 1.0];
        let often = |temperature| {
            let mut counts = [0; 3];
            (0..1000)
                .for_each(|i| counts[usize::from(chosen(&scores, temperature, f64::from(i) / 1000.0))] += 1);
            counts
        };
        assert_eq!(often(0.0), [0, 1000, 0]);
        assert_eq!(often(1e-300), [0, 1000, 0], "all but none is not a failure");
        let warm = often(1.0);
        assert!((660..670).contains(&warm[1]) && (85..95).contains(&warm[0]), "{warm:?}");
        assert!(often(1e6).iter().all(|count| (330..337).contains(count)));
    }
}
