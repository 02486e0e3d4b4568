"""Vocabulary: which words of English and German name the same thing, and what small words do.

General knowledge only. What a particular database calls its tables is read from its schema text.
"""

from collections.abc import Mapping


def bag(text: str) -> frozenset[str]:
    """Return the words of ``text`` as a set."""
    return frozenset(text.split())


CONCEPTS: Mapping[str, str] = {
    "customer": "customer client kunde kundin auftraggeber mandant",
    "property": "property building object house estate objekt gebäude haus liegenschaft immobilie",
    "unit": "unit flat apartment dwelling nutzeinheit wohnung einheit mieteinheit",
    "device": "device meter gerät zähler messgerät apparat",
    "reading": "reading ablesung messwert zählerstand ablesewert measurement",
    "billing": "billing bill invoice statement abrechnung rechnung",
    "order": "order bestellung auftrag",
    "product": "product article item artikel produkt ware",
    "supplier": "supplier vendor lieferant",
    "employee": "employee staff worker mitarbeiter angestellte personal",
    "department": "department abteilung",
    "payment": "payment zahlung",
    "contract": "contract vertrag",
    "book": "book buch bücher",
    "author": "author autor writer",
    "city": "city town ort stadt place location wohnort städte",
    "country": "country land länder",
    "street": "street strasse address adresse anschrift",
    "postcode": "postcode postal zip plz postleitzahl",
    "email": "email e-mail mail",
    "name": "name title bezeichnung titel called",
    "number": "number nummer no nr",
    "year": "year jahr",
    "month": "month monat",
    "date": "date datum day tag",
    "construction": "construction built build constructed gebaut baujahr errichtet erbaut",
    "installation": "installation installed mounted einbau eingebaut montiert einbaudatum",
    "calibration": "calibrated calibration eichung geeicht expire expires expired ablaufen",
    "area": "area size fläche grösse surface wohnfläche quadratmeter",
    "cost": "cost costs expense kosten gesamtkosten heizkosten amount betrag",
    "price": "price preis",
    "salary": "salary wage pay gehalt lohn",
    "value": "value wert",
    "status": "status state zustand stand",
    "type": "type kind art typ sort sorte",
    "heating": "heating heizung heizungsart heizungssystem",
    "manufacturer": "manufacturer maker brand hersteller producer marke",
    "floor": "floor storey etage stockwerk geschoss",
    "tenant": "tenant occupant nutzer mieter bewohner",
    "since": "since seit",
    "category": "category kategorie",
    "stock": "stock lager bestand",
    "colour": "colour color farbe",
    "age": "age alter",
    "weight": "weight gewicht",
    "population": "population einwohner inhabitants",
}

TRANSLATED: Mapping[str, str] = {
    "district heating": "fernwärme",
    "heat pump": "wärmepumpe",
    "oil": "öl",
    "natural gas": "gas",
    "erdgas": "gas",
    "hot water meter": "warmwasserzähler",
    "warm water meter": "warmwasserzähler",
    "cold water meter": "kaltwasserzähler",
    "heat cost allocator": "heizkostenverteiler",
    "heat allocator": "heizkostenverteiler",
    "heat meter": "wärmemengenzähler",
    "smoke detector": "rauchwarnmelder",
    "smoke alarm": "rauchwarnmelder",
    "rauchmelder": "rauchwarnmelder",
    "vacant": "leerstand",
    "empty": "leerstand",
    "unoccupied": "leerstand",
    "leer": "leerstand",
    "leer stehend": "leerstand",
    "leerstehend": "leerstand",
    "open": "offen",
    "paid": "bezahlt",
    "sent": "versendet",
    "verschickt": "versendet",
    "under review": "in prüfung",
    "in review": "in prüfung",
    "being checked": "in prüfung",
    "ground floor": "eg",
    "erdgeschoss": "eg",
    "attic": "dg",
    "dachgeschoss": "dg",
}
"""Values that databases hold, in the other language."""

OPPOSITES: Mapping[str, str] = {
    "unpaid": "bezahlt",
    "unbezahlt": "bezahlt",
    "occupied": "leerstand",
}
"""Words that mean: not this value."""

EXONYMS: Mapping[str, str] = {
    "cologne": "Köln", "munich": "München", "nuremberg": "Nürnberg", "hanover": "Hannover",
    "brunswick": "Braunschweig", "dusseldorf": "Düsseldorf", "koeln": "Köln",
    "muenchen": "München", "nuernberg": "Nürnberg", "duesseldorf": "Düsseldorf",
    "vienna": "Wien", "zurich": "Zürich", "prague": "Praha", "rome": "Roma", "milan": "Milano",
}  # fmt: skip

GERMAN = bag(
    """der die das den dem des ein eine einen einem einer und oder ist sind war hat haben wie viele
    viel welche welcher welches welchen was wer wo wann warum gibt es in im am aus von mit
    ohne für nach pro je zeige zeig liste nenne mach mache erstelle bitte danke hallo guten
    tag morgen abend ich du mein meine mir mich heiße heisse bin nicht kein keine alle allen
    auf zu zum zur bei über unter vor seit kunden kunde gebäude objekte wohnungen geräte
    ältesten älteste neuesten größte kleinste durchschnittliche durchschnittlich
    durchschnitt summe gesamt gesamtkosten anzahl höchste höchsten niedrigste niedrigsten
    tschüss servus moin wir sie hilfe kannst knopf zähler schalter ampel füge hinzu lösche
    entferne setze merke merk dir weiß weißt dass heißt meisten wenigsten wieviele wieviel
    einheiten abrechnungen ablesungen stadt städte jahr jahre teuerste teuersten günstigste
    schönen vielen dank wurden wurde werden stehen haus häuser nach zurücksetzen taste
    button baue baujahr welchem welchen welcher hoch groß lang steht sitzen liegen"""
)
ENGLISH = bag(
    """the a an and or is are was were has have had how many much which what who where when why
    there in of from with without for by per each show list name make create add please
    thanks thank hello hi hey good morning evening i you my me am not no all on to at over
    under before after since this that these do does did can could would want need give tell
    remember button counter about your it its they them we us customers customer buildings
    building units devices readings oldest newest largest smallest average total sum number
    count most least than more less between built click reset set remove delete"""
)

STOP = GERMAN | ENGLISH | bag(
    """our unser unsere unserer unserem unseren zeit
    if then else so but just also only some any every let s t re ve m ll d be been being will
    shall should may might must as into out up down off again here now auch nur noch schon
    mal doch denn dann wenn aber sich uns euch ihr sein ihre ihren dieser diese dieses jede
    jeder jedes wird werden soll sollen kann können möchte will würde hätte gerne gern bitte"""
)  # fmt: skip
