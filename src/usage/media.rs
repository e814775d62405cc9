//! What of a request's tokens is audio, images or video, where a log tells them apart: such tokens can have rates of their own.

use super::Tokens;

/// What tokens can be beside text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Medium {
    /// Sound.
    Audio = 0,
    /// Pictures.
    Image = 1,
    /// Moving pictures.
    Video = 2,
}

impl Medium {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// Every medium, in the order of the discriminants.
    pub const ALL: [Medium; Medium::COUNT] = [Medium::Audio, Medium::Image, Medium::Video];

    /// The word of reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Medium::Audio => "audio",
            Medium::Image => "image",
            Medium::Video => "video",
        }
    }
}

/// Tokens by [`Medium`].
pub type ByMedium = [u32; Medium::COUNT];

/// Parts of a request's [`Tokens`] by medium. What is in none of them is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Media {
    /// Of the uncached input.
    pub input: ByMedium,
    /// Of what was read from the cache.
    pub cache_read: ByMedium,
    /// Of the output, which no reasoning is part of.
    pub output: ByMedium,
    /// The log splits the output, if only into text.
    pub is_split: bool,
}

impl Media {
    /// All of it is text, as far as the log says.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let none = ByMedium::default();
        self.input == none && self.cache_read == none && self.output == none
    }

    /// Takes the parts of the input and of what was read from the cache out of the parts of a whole prompt of `tokens`. Where nobody says
    /// what of them was `cached`, the cache held text first, then video, images and audio.
    pub fn split_prompt(&mut self, prompt: ByMedium, cached: Option<ByMedium>, tokens: &Tokens) {
        self.cache_read = cached.unwrap_or_else(|| {
            let media: u64 = prompt.into_iter().map(u64::from).sum();
            let text = tokens.prompt().saturating_sub(media);
            let mut beyond = u64::from(tokens.cache_read).saturating_sub(text);
            let mut cached = ByMedium::default();
            for (cached, prompt) in cached.iter_mut().zip(prompt).rev() {
                *cached = u32::try_from(beyond).map_or(prompt, |beyond| prompt.min(beyond));
                beyond -= u64::from(*cached);
            }
            cached
        });
        self.input = std::array::from_fn(|medium| prompt[medium].saturating_sub(self.cache_read[medium]));
    }

    /// No more than there is of `tokens`: audio before images before video where a log says more.
    #[must_use]
    pub fn within(self, tokens: &Tokens) -> Media {
        let fit = |parts: ByMedium, whole: u32| {
            let mut left = whole;
            parts.map(|part| {
                let part = part.min(left);
                left -= part;
                part
            })
        };
        Media {
            input: fit(self.input, tokens.input),
            cache_read: fit(self.cache_read, tokens.cache_read),
            output: fit(self.output, tokens.output.saturating_sub(tokens.reasoning)),
            is_split: self.is_split,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: Tokens = Tokens {
        input: 60,
        cache_read: 60,
        cache_write_5m: 0,
        cache_write_1h: 0,
        output: 50,
        reasoning: 10,
        web_searches: 0,
    };

    fn of_prompt(prompt: ByMedium, cached: Option<ByMedium>) -> Media {
        let mut media = Media::default();
        media.split_prompt(prompt, cached, &TOKENS);
        media.within(&TOKENS)
    }

    #[test]
    fn the_cache_held_text_first_where_nobody_says_what() {
        let media = of_prompt([100, 10, 0], None);
        // Ten of 120 are text; fifty more were cached: the ten of images, then audio.
        assert_eq!((media.input, media.cache_read), ([60, 0, 0], [40, 10, 0]));
        let media = of_prompt([30, 10, 0], None);
        assert_eq!((media.input, media.cache_read), ([30, 10, 0], [0; 3]), "there is text enough");
    }

    #[test]
    fn what_was_cached_is_taken_from_its_medium() {
        let media = of_prompt([100, 10, 0], Some([50, 0, 0]));
        assert_eq!((media.input, media.cache_read), ([50, 10, 0], [50, 0, 0]));
    }

    #[test]
    fn parts_are_never_more_than_the_whole() {
        let media = of_prompt([u32::MAX; 3], Some([u32::MAX; 3]));
        assert_eq!((media.input, media.cache_read), ([0; 3], [60, 0, 0]));
        let media = of_prompt([u32::MAX; 3], None);
        assert_eq!((media.input, media.cache_read), ([60, 0, 0], [0, 0, 60]), "whatever the sums");
        let spoken = Media { output: [30, 30, 30], ..Media::default() };
        assert_eq!(spoken.within(&TOKENS).output, [30, 10, 0], "reasoning is none of it");
    }
}
