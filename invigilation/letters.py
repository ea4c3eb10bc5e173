# ruff: noqa: RUF001  letters of other scripts look like Latin ones
"""Letters and what a machine-readable zone makes of them: ICAO 9303 part 3, section 6, A to C.

Of several spellings the first is the one that the document recommends first; those behind it are
others that it allows, or that states write (older rules, other languages of the same letter).
Letters with marks that are not here lose their marks.
"""

from __future__ import annotations

_LATIN = """
Ä AE A; Å AA A; Æ AE; Ð D; Đ D DJ; Ħ H; Ĳ IJ; ĸ Q; Ł L; Ñ N NXX; Ŋ N NG; Ö OE O; Ø OE O; Œ OE;
ß SS; ẞ SS; Ŧ T; Þ TH; Ü UE UXX U; ı I; İ I; Ő O OE; Ű U UE; Ơ O; Ư U; Ə A E; Ɓ B; Ɗ D; Ƙ K; Ƴ Y
"""
_CYRILLIC = """
А A; Б B; В V; Г G H; Ґ G; Д D; Ђ D DJ; Ѓ G GJ; Е E YE; Ё E IO YO; Є IE YE; Ж ZH Z; З Z; Ѕ DZ;
И I Y; І I; Ї I YI; Й I Y; Ј J; К K; Ќ K KJ; Л L; Љ LJ; М M; Н N; Њ NJ; О O; П P; Р R; С S; Т T;
Ћ C; У U; Ў U; Ф F; Х KH H; Ц TS C; Ч CH C; Џ DZ; Ш SH S; Щ SHCH SHT; Ъ IE A -; Ы Y; Ь - Y; Э E;
Ю IU YU; Я IA YA; Ѣ IE; Ә A; Ғ G; Қ K; Ң N; Ө O; Ұ U; Ү U; Һ H
"""
_ARABIC = """
ء XE; آ XAA; أ XAE; ؤ U XW; إ I; ئ XI; ا A; ب B; ة XTA XAH; ت T; ث XTH; ج J; ح XH; خ XKH; د D;
ذ XDH; ر R; ز Z; س S; ش XSH; ص XSS; ض XDZ; ط XTT; ظ XZZ; ع E; غ G; ـ -; ف F; ق Q; ك K; ک K; ل L;
م M; ن N; ه H; ہ H; و W; ى XAY; ي Y; ی Y; ٱ XXA; ٹ XXT; پ P; چ XCH; ڈ XXD; ژ XZH; ڤ V; گ XG
"""
_GREEK = """
Α A; Β V; Γ G; Δ D; Ε E; Ζ Z; Η I; Θ TH; Ι I; Κ K; Λ L; Μ M; Ν N; Ξ X; Ο O; Π P; Ρ R; Σ S; ς S; Τ T;
Υ Y; Φ F; Χ CH; Ψ PS; Ω O
"""

LETTERS = {
    letter: tuple("" if one == "-" else one for one in spellings)
    for table in (_LATIN, _CYRILLIC, _ARABIC, _GREEK)
    for letter, *spellings in (entry.split() for entry in table.split(";"))
}
"""The spellings of a letter, in upper case; an empty one: it is left out."""
