//! Slugs: URL-safe names.

/// Lower-case words of plain letters and digits, joined by dashes, at most 30 characters.
pub fn slug(text: &str) -> String {
    let plain = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'a'..='z' | '0'..='9' => letter,
            'ä' | 'à' | 'á' | 'â' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ï' | 'ı' => 'i',
            'ö' | 'ó' | 'ô' | 'ø' => 'o',
            'ü' | 'ú' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            'ş' | 'š' => 's',
            'ğ' => 'g',
            _ => '-',
        });
    let dashed: String = plain.take(30).collect();
    dashed
        .split('-')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// The wanted name, or else the first of `it-2`, `it-3`… that is free.
pub fn free(wanted: &str, dash: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut nth = 2_u64;
    while is_taken(&name) {
        name = format!("{wanted}{dash}{nth}");
        nth += 1;
    }
    name
}
