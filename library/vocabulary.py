"""The words that generated books are made of, language by language.

Within a language every adjective goes with every noun as they are written here (the nouns of a language with
genders share one), so that any two of them make a title.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one language.

    codes: how goodbooks writes the language. share: how many of a hundred authors write in it.
    patterns: what titles look like, made of an `{adjective}`, one or two nouns and an `{ending}`.
    series: what some of the titles are volumes of. full_name: how a person's names are put together.
    has_initials: whether people go by a middle initial.
    """

    codes: tuple[str, ...]
    share: int
    patterns: tuple[str, ...]
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    endings: tuple[str, ...]
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    series: tuple[str, ...] = ()
    full_name: str = "{given} {family}"
    has_initials: bool = False


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split("|"))


VOCABULARIES = (
    Vocabulary(
        codes=("eng", "eng", "eng", "en-US", "en-GB"),
        share=56,
        patterns=(
            "The {adjective} {noun}",
            "The {noun} {ending}",
            "The {adjective} {noun} {ending}",
            "A {noun} {ending}",
            "{noun} and {other}",
            "The {noun} and the {adjective} {other}",
        ),
        adjectives=_words(
            "Last Silent Hidden Long Broken Golden Distant Second Borrowed Unwritten Winter Hollow Paper Burning "
            "Quiet Forgotten Crooked Wandering Northern Scarlet Patient Drowned Ordinary Secret Tidal Bitter"
        ),
        nouns=_words(
            "Garden River Lighthouse Daughter Letter House Kingdom Mirror Clockmaker Harbour Orchard Library "
            "Mountain Stranger Song Bridge Witness Map Shadow Summer Promise Station Doctor Piano Wolf Sparrow "
            "Cartographer Tower Key Island Raven Storm"
        ),
        endings=_phrases(
            "of the North | in the Rain | by the Sea | at the End of the Road | of Ash and Salt | without a Name "
            "| of Small Mercies | under Glass | before Dawn | beyond the Wall | of Many Colours "
            "| on Platform Nine | that Nobody Read | from Elsewhere"
        ),
        given_names=_words(
            "Ada Agnes Albert Alice Amos Beatrice Caleb Clara Daniel Dorothy Edith Edmund Eleanor Esther Felix "
            "Florence George Grace Harold Helen Henry Iris Isaac James Jane Josephine Laura Leonard Louisa Mabel "
            "Martin Miriam Nathaniel Olive Oscar Philip Rose Ruth Samuel Silas Theodore Violet Walter Winifred"
        ),
        family_names=_words(
            "Abernathy Ashdown Barlow Bellamy Blackwood Brennan Calloway Carmichael Crane Dunmore Ellery Fairfax "
            "Finch Galbraith Hadley Hartwell Hawthorne Holloway Kendrick Langley Lockwood Marlowe Merriweather "
            "Moreland Nightingale O'Hara Ormsby Pemberton Pryce Quill Ramsay Ravenscroft Sinclair Smith-Jones "
            "Stanhope Thackeray Tillman Underhill Vance Wainwright Whitlock Winslow Wren Yardley"
        ),
        series=("The Tidewater Cycle", "Chronicles of Emberfall", "Inspector Marchetti", "The Salt Road"),
        has_initials=True,
    ),
    Vocabulary(
        codes=("ger",),
        share=7,
        patterns=("Der {adjective} {noun}", "Der {noun} {ending}", "Der {noun} und der {adjective} {other}"),
        adjectives=_words("stille letzte verlorene große fremde goldene späte dunkle müde gläserne grüne längste"),
        nouns=_words("Garten Fluss Brief Wald Schlüssel Sommer König Bruder Spiegel Turm Schnee Löwe Zug Traum"),
        endings=_phrases(
            "aus dem Norden | am Ende der Straße | ohne Namen | über den Dächern | im Regen | für Anfänger"
        ),
        given_names=_words(
            "Anna Jürgen Käthe Lukas Bärbel Friedrich Sabine Götz Ulrike Matthias Heike Jörg Marlene Tobias"
        ),
        family_names=_words(
            "Müller Schäfer Brückner Lindemann Groß Vogel Kästner Weiß Hofmann Böhm Steinbach Krüger Voß"
        ),
        series=("Die Nordland-Saga", "Kommissarin Ahlers"),
    ),
    Vocabulary(
        codes=("fre",),
        share=6,
        patterns=("Le {noun} {adjective}", "Le {noun} {ending}", "Le {noun} et le {other}"),
        adjectives=_words("perdu discret oublié rouge lointain brisé muet éternel inachevé étranger gelé bleu"),
        nouns=_words(
            "jardin fleuve château miroir voyage silence frère naufrage secret pont rêve théâtre marché loup"
        ),
        endings=_phrases("de minuit | du bout du monde | sous la pluie | sans visage | à l'aube | d'été"),
        given_names=_words(
            "Amélie Benoît Céline Édouard Françoise Gérard Hélène Jérôme Léa Maël Noémie Théo Zoé Loïc"
        ),
        family_names=_words(
            "Lefèvre Moreau Dubois Garçon Bérenger d'Aubigné Fournier Rousset Châtelain Leclerc Marchand Noël"
        ),
        series=("Les Ombres",),
    ),
    Vocabulary(
        codes=("spa",),
        share=6,
        patterns=("El {noun} {adjective}", "El {noun} {ending}", "El {noun} y el {other}"),
        adjectives=_words("perdido antiguo dormido ajeno último prohibido olvidado extraño blanco pequeño eterno"),
        nouns=_words("jardín río sueño espejo camino año niño silencio corazón puente viento reloj secreto otoño"),
        endings=_phrases(
            "del norte | de medianoche | sin nombre | bajo la lluvia | de los pájaros | del señor Núñez"
        ),
        given_names=_words("Álvaro Begoña César Dolores Inés Íñigo Joaquín Lucía Martín Núria Ramón Sofía Tomás"),
        family_names=_words(
            "García Muñoz Ibáñez Peña Castaño Ordóñez Vázquez Quiroga Belmonte Zúñiga Herrera León Núñez Robles"
        ),
        series=("Los cuadernos de Ibáñez",),
    ),
    Vocabulary(
        codes=("por",),
        share=4,
        patterns=("O {noun} {adjective}", "O {noun} {ending}", "O {noun} e o {other}"),
        adjectives=_words(
            "perdido antigo último escondido silencioso vermelho distante inacabado estranho eterno"
        ),
        nouns=_words("jardim rio sonho espelho caminho coração irmão verão silêncio pássaro vento relógio mar"),
        endings=_phrases("do norte | da meia-noite | sem nome | debaixo da chuva | das manhãs | de São João"),
        given_names=_words(
            "Antônio Beatriz Conceição Duarte Inês João Lourenço Mário Otávio Simão Teresa Vitória"
        ),
        family_names=_words(
            "Guimarães Magalhães Conceição Araújo Falcão Brandão Queirós Leitão Sá Vilhena Leão Reis"
        ),
    ),
    Vocabulary(
        codes=("pol",),
        share=2,
        patterns=("{adjective} {noun}", "{noun} {ending}", "{noun} i {other}"),
        adjectives=_words("cichy ostatni złoty zaginiony stary obcy żółty śpiący odległy gorzki"),
        nouns=_words("ogród las dom król wiatr dzień śnieg most zegar ptak świat pociąg"),
        endings=_phrases("z północy | bez imienia | w deszczu | na końcu drogi | o świcie"),
        given_names=_words("Agnieszka Bogusław Łucja Józef Małgorzata Paweł Stanisław Wojciech Zofia Żaneta"),
        family_names=_words("Kowal Wiśniewicz Zając Gołąb Dąbek Wójcik Sęk Mróz Żuraw Świerk Łoś"),
    ),
    Vocabulary(
        codes=("rus",),
        share=4,
        patterns=("{adjective} {noun}", "{noun} {ending}", "{noun} и {other}"),
        adjectives=_words("тихий последний забытый золотой далёкий чужой старый долгий зимний ночной синий"),
        nouns=_words("сад дом город ветер снег поезд остров лес мост голос свет корабль"),
        endings=_phrases("с севера | без имени | под дождём | на краю света | до рассвета | для двоих"),
        given_names=_words("Анна Борис Вера Григорий Дарья Елена Фёдор Иван Ксения Лев Мария Николай Ольга Пётр"),
        family_names=_words(
            "Белых Черных Живаго Дурново Лысенко Гончаренко Шевчук Коваленко Мельник Бондарь Кравчук"
        ),
        series=("Всадники",),
    ),
    Vocabulary(
        codes=("gre",),
        share=2,
        patterns=("Ο {adjective} {noun}", "Ο {noun} {ending}", "Ο {noun} και ο {other}"),
        adjectives=_words("τελευταίος χαμένος σιωπηλός παλιός μακρινός χρυσός ξένος μικρός αόρατος"),
        nouns=_words("κήπος ποταμός δρόμος άνεμος καθρέφτης πύργος ουρανός χειμώνας θησαυρός ήλιος"),
        endings=_phrases("του βορρά | χωρίς όνομα | στη βροχή | της θάλασσας | πριν την αυγή"),
        given_names=_words("Άννα Γιώργος Ελένη Κώστας Μαρία Νίκος Σοφία Ιωάννης Δήμητρα Πέτρος"),
        family_names=_words(
            "Αλεξίου Βασιλείου Γεωργίου Δημητρίου Ιωάννου Νικολάου Παπαδάκη Σταύρου Χρήστου Οικονόμου"
        ),
    ),
    Vocabulary(
        codes=("ara",),
        share=4,
        patterns=("{noun} {adjective}", "{noun} {ending}", "{noun} و{other}"),
        adjectives=_words("القديم الأخير الضائع البعيد الصامت المنسي الأزرق الطويل الغريب"),
        nouns=_words("البيت الطريق البحر الجبل النهر القمر الباب الكتاب الليل المفتاح"),
        endings=_phrases("في المطر | بلا اسم | قبل الفجر | عند آخر الطريق | من الشمال"),
        given_names=_words("أحمد فاطمة يوسف ليلى خالد مريم سمير نادية حسن زينب عمر سلمى"),
        family_names=_words("الحداد النجار الخياط منصور حبيب البغدادي الشامي سالم عثمان الطيب القاسم"),
    ),
    Vocabulary(
        codes=("jpn",),
        share=4,
        patterns=("{adjective}{noun}", "{noun}と{other}", "{ending}{noun}"),
        adjectives=_words("静かな 最後の 青い 遠い 小さな 忘れられた 白い 長い 見知らぬ 透明な"),
        nouns=_words("庭 川 手紙 図書館 森 鏡 駅 夏 島 猫 時計 約束 灯台"),
        endings=_words("雨の日の 名前のない 夜明け前の 北の国の 海辺の 二人だけの"),
        given_names=_words("明 花子 健太 美咲 翔 由美 直樹 さくら 誠 恵子 大輔 千尋 拓也 葵"),
        family_names=_words("佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 吉田 山田 松本 清水"),
        full_name="{family}{given}",
        series=("夜行列車",),
    ),
    Vocabulary(
        codes=("chi",),
        share=3,
        patterns=("{adjective}{noun}", "{noun}与{other}", "{ending}{noun}"),
        adjectives=_words("沉默的 最后的 遥远的 金色的 消失的 古老的 陌生的 蓝色的 漫长的"),
        nouns=_words("花园 河流 城市 镜子 信 桥 岛屿 夏天 图书馆 月亮 钥匙 山谷"),
        endings=_words("雨中的 没有名字的 黎明前的 北方的 海边的"),
        given_names=_words("伟 芳 娜 静 敏 强 丽 军 洋 艳 勇 杰 娟 涛 明 秀英"),
        family_names=_words("王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林"),
        full_name="{family}{given}",
    ),
    Vocabulary(
        codes=("kor",),
        share=2,
        patterns=("{adjective} {noun}", "{noun} 그리고 {other}", "{ending} {noun}"),
        adjectives=_words("조용한 마지막 잃어버린 푸른 오래된 먼 작은 낯선 하얀"),
        nouns=_words("정원 강 편지 거울 집 여름 바다 기차 약속 섬 도서관"),
        endings=_phrases("비 오는 날의 | 이름 없는 | 새벽 전의 | 북쪽의 | 길 끝의"),
        given_names=_words("민준 서연 도윤 지우 하은 예준 수아 지호 윤서 은우 채원 현우"),
        family_names=_words("김 이 박 최 정 강 조 윤 장 임 한 오"),
        full_name="{family}{given}",
    ),
)

# Titles that spreadsheets, quoting and sorting stumble over.
ODD_TITLES = (
    "=Sum of Us",
    "-273.15 °C",
    "+1 for Murder",
    "@Midnight",
    '"Quoted", She Said',
    "#Unfollowed",
    "1984 and a Half",
    "'Tis Pity",
    "¿Quién?",
    "Commas, Commas, Commas",
)
