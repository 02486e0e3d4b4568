"""Names, streets and cities that the demo data is drawn from."""

CITIES = (
    ("Leipzig", ("04103", "04105", "04107", "04109", "04155", "04177", "04229", "04275", "04315")),
    ("Leipzig", ("04103", "04129", "04157", "04179", "04277", "04317", "04347")),
    ("Dresden", ("01067", "01069", "01097", "01099", "01127", "01159", "01187", "01219", "01307")),
    ("Berlin", ("10115", "10178", "10245", "10405", "10551", "10717", "10965", "12043", "13347")),
    ("Berlin", ("10119", "10247", "10435", "10823", "10999", "12047", "12157")),
    ("Köln", ("50667", "50672", "50733", "50823", "50935", "51063", "51103")),
    ("Hamburg", ("20095", "20144", "20259", "22087", "22303", "22765")),
    ("München", ("80331", "80469", "80636", "80797", "81369", "81667")),
    ("Chemnitz", ("09111", "09113", "09119", "09126", "09130")),
    ("Halle (Saale)", ("06108", "06110", "06112", "06114", "06120")),
    ("Magdeburg", ("39104", "39106", "39108", "39112", "39124")),
    ("Erfurt", ("99084", "99086", "99089", "99094", "99096")),
    ("Potsdam", ("14467", "14469", "14471", "14473", "14482")),
    ("Frankfurt am Main", ("60311", "60316", "60325", "60385", "60487")),
)
"""City and postal codes; a city that stands twice is drawn twice as often."""

STREETS = (
    "Hauptstraße", "Bahnhofstraße", "Gartenstraße", "Schillerstraße", "Goethestraße",
    "Lindenallee", "Bergstraße", "Kirchgasse", "Mozartstraße", "Am Stadtpark", "Lessingstraße",
    "Rosenweg", "Beethovenstraße", "Marktplatz", "Karl-Liebknecht-Straße", "Birkenweg",
    "August-Bebel-Straße", "Ringstraße", "Waldstraße", "Mühlweg", "Friedrichstraße", "Schulstraße",
    "Ahornweg", "Dorfstraße", "Käthe-Kollwitz-Straße", "Windmühlenstraße", "Uferweg",
    "Georg-Schumann-Straße", "Albertstraße", "Wiesenweg",
)  # fmt: skip

FIRST_NAMES = (
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hannes", "Ida", "Jonas", "Katrin",
    "Lukas", "Marie", "Niklas", "Olga", "Paul", "Renate", "Stefan", "Tanja", "Uwe", "Vera",
    "Wolfgang", "Yasemin", "Jürgen", "Sören", "Änne", "Mehmet", "Agnieszka", "Thomas", "Petra",
)  # fmt: skip

SURNAMES = (
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz",
    "Hoffmann", "Schäfer", "Koch", "Bauer", "Richter", "Klein", "Wolf", "Schröder", "Neumann",
    "Schwarz", "Zimmermann", "Braun", "Krüger", "Hofmann", "Hartmann", "Lange", "Werner",
    "Krause", "Lehmann", "Köhler", "Walter", "König", "Yılmaz", "Nowak", "Großmann", "Böhme",
    "Seidel", "Franke", "Kaiser", "Jahn", "Thiele",
)  # fmt: skip

COMPANIES = (
    "Hausverwaltung {} GmbH", "Immobilien {} KG", "{} & Partner Hausverwaltung",
    "Wohnbau {} AG", "Grundbesitz {} GbR", "Objektservice {} GmbH",
    "Wohnungsgenossenschaft {} eG",
)  # fmt: skip

PROPERTIES = (
    "Wohnanlage {}", "Mehrfamilienhaus {}", "Wohn- und Geschäftshaus {}", "Wohnpark {}",
    "Seniorenresidenz {}",
)  # fmt: skip

HEATING = ("Gas", "Gas", "Gas", "Fernwärme", "Fernwärme", "Öl", "Wärmepumpe", "Pellets")
MAKERS = ("Thermaris", "Wärmotec", "Messwerk Nord", "Kalorion", "Aquanta", "Zählerbau Ost")
