"""Questions about the demo data, each with a query that a person wrote to answer it."""

QUESTIONS: tuple[tuple[str, str], ...] = (
    # said in a roundabout way
    (
        "how are the buildings distributed among the types of heating?",
        "select heizungsart, count(*) c from objekte group by 1 order by c desc",
    ),
    (
        "the spread of our devices across manufacturers, please",
        "select hersteller, count(*) c from geraete group by 1 order by c desc",
    ),
    (
        "Wie teilen sich die Gebäude auf die Städte auf?",
        "select ort, count(*) c from objekte group by 1 order by c desc",
    ),
    (
        "Who owns the fewest units of all the customers?",
        "select k.name, count(n.id) c from kunden k left join objekte o on o.kunde_id=k.id left join nutzeinheiten n on n.objekt_id=o.id group by k.id order by c, k.name limit 1",
    ),
    (
        "Which customer has more flats than anyone else?",
        "select k.name, count(n.id) c from kunden k join objekte o on o.kunde_id=k.id join nutzeinheiten n on n.objekt_id=o.id group by k.id order by c desc, k.name limit 1",
    ),
    (
        "Welches Objekt hat mehr Wohnungen als alle anderen?",
        "select bezeichnung, count(n.id) c from objekte o join nutzeinheiten n on n.objekt_id=o.id group by o.id order by c desc, bezeichnung limit 1",
    ),
    ("How many properties are newer than 2005?", "select count(*) from objekte where baujahr>2005"),
    (
        "Wie viele Häuser sind älter als 1920?",
        "select count(*) from objekte where baujahr<1920",
    ),
    (
        "Köln: how many buildings are there?",
        "select count(*) from objekte where ort='Köln'",
    ),
    (
        "what about Dresden, how many buildings have district heating?",
        "select count(*) from objekte where ort='Dresden' and heizungsart='Fernwärme'",
    ),
    (
        "Question: how many devices are there?",
        "select count(*) from geraete",
    ),
    # counting
    ("How many customers are there?", "select count(*) from kunden"),
    (
        "how many customers do we have in Leipzig?",
        "select count(*) from kunden where ort='Leipzig'",
    ),
    ("wie viele kunden haben wir in dresden?", "select count(*) from kunden where ort='Dresden'"),
    ("Wieviele Kunden gibt es in Köln?", "select count(*) from kunden where ort='Köln'"),
    ("number of clients in Cologne", "select count(*) from kunden where ort='Köln'"),
    ("Count the buildings in Berlin.", "select count(*) from objekte where ort='Berlin'"),
    ("How many properties use gas?", "select count(*) from objekte where heizungsart='Gas'"),
    (
        "how many buildings have district heating?",
        "select count(*) from objekte where heizungsart='Fernwärme'",
    ),
    (
        "Wie viele Gebäude werden mit Öl geheizt?",
        "select count(*) from objekte where heizungsart='Öl'",
    ),
    (
        "how many buildings in Leipzig have a heat pump",
        "select count(*) from objekte where ort='Leipzig' and heizungsart='Wärmepumpe'",
    ),
    (
        "How many buildings were built before 1950?",
        "select count(*) from objekte where baujahr<1950",
    ),
    (
        "Wie viele Objekte wurden nach 1990 gebaut?",
        "select count(*) from objekte where baujahr>1990",
    ),
    (
        "how many buildings were built between 1960 and 1980?",
        "select count(*) from objekte where baujahr between 1960 and 1980",
    ),
    (
        "how many flats are larger than 100 square metres?",
        "select count(*) from nutzeinheiten where flaeche_qm>100",
    ),
    (
        "Wie viele Wohnungen sind kleiner als 40 qm?",
        "select count(*) from nutzeinheiten where flaeche_qm<40",
    ),
    (
        "How many apartments are vacant?",
        "select count(*) from nutzeinheiten where nutzer='Leerstand'",
    ),
    (
        "how many smoke detectors are there?",
        "select count(*) from geraete where typ='Rauchwarnmelder'",
    ),
    (
        "Wie viele Rauchwarnmelder sind in Dresden verbaut?",
        "select count(*) from geraete g join nutzeinheiten n on n.id=g.nutzeinheit_id join objekte o on o.id=n.objekt_id where typ='Rauchwarnmelder' and o.ort='Dresden'",
    ),
    (
        "how many devices are there in Hamburg?",
        "select count(*) from geraete g join nutzeinheiten n on n.id=g.nutzeinheit_id join objekte o on o.id=n.objekt_id where o.ort='Hamburg'",
    ),
    (
        "How many units are in Munich?",
        "select count(*) from nutzeinheiten n join objekte o on o.id=n.objekt_id where o.ort='München'",
    ),
    ("how many bills are open?", "select count(*) from abrechnungen where status='offen'"),
    (
        "How many invoices are still unpaid?",
        "select count(*) from abrechnungen where status<>'bezahlt'",
    ),
    (
        "Wie viele Abrechnungen sind bezahlt?",
        "select count(*) from abrechnungen where status='bezahlt'",
    ),
    (
        "how many billings from 2022 are paid",
        "select count(*) from abrechnungen where status='bezahlt' and jahr=2022",
    ),
    (
        "How many readings were taken in 2023?",
        "select count(*) from ablesungen where datum like '2023%'",
    ),
    (
        "how many devices were installed after 2018?",
        "select count(*) from geraete where einbaudatum>='2019-01-01'",
    ),
    (
        "How many customers have been with us since 2015?",
        "select count(*) from kunden where kunde_seit>='2015-01-01'",
    ),
    ("Gibt es Kunden in Chemnitz?", "select count(*) from kunden where ort='Chemnitz'"),
    ("how many customers are not in Berlin?", "select count(*) from kunden where ort<>'Berlin'"),
    (
        "how many customers in Leipzig or Dresden?",
        "select count(*) from kunden where ort in ('Leipzig','Dresden')",
    ),
    (
        "How many customers have no properties?",
        "select count(*) from kunden where id not in (select kunde_id from objekte)",
    ),
    (
        "how many buildings have more than 10 units?",
        "select count(*) from objekte o where (select count(*) from nutzeinheiten n where n.objekt_id=o.id)>10",
    ),
    (
        "How many different manufacturers are there?",
        "select count(distinct hersteller) from geraete",
    ),
    ("in how many cities do we have customers?", "select count(distinct ort) from kunden"),
    # reckoning
    (
        "What is the average area of the flats?",
        "select round(avg(flaeche_qm),2) from nutzeinheiten",
    ),
    (
        "Wie groß ist die durchschnittliche Fläche der Wohnungen in Dresden?",
        "select round(avg(flaeche_qm),2) from nutzeinheiten n join objekte o on o.id=n.objekt_id where o.ort='Dresden'",
    ),
    ("total costs in 2022", "select round(sum(gesamtkosten),2) from abrechnungen where jahr=2022"),
    (
        "How much did heating cost in Leipzig in 2023?",
        "select round(sum(gesamtkosten),2) from abrechnungen a join objekte o on o.id=a.objekt_id where o.ort='Leipzig' and jahr=2023",
    ),
    (
        "Wie hoch sind die Gesamtkosten 2024 insgesamt?",
        "select round(sum(gesamtkosten),2) from abrechnungen where jahr=2024",
    ),
    ("what was the highest total cost of a billing?", "select max(gesamtkosten) from abrechnungen"),
    (
        "What is the lowest cost in 2022?",
        "select min(gesamtkosten) from abrechnungen where jahr=2022",
    ),
    (
        "Was sind die durchschnittlichen Kosten pro Jahr?",
        "select jahr, round(avg(gesamtkosten),2) from abrechnungen group by jahr order by jahr",
    ),
    (
        "average cost of billings for buildings in Berlin",
        "select round(avg(gesamtkosten),2) from abrechnungen a join objekte o on o.id=a.objekt_id where o.ort='Berlin'",
    ),
    (
        "What's the total area of all units in Magdeburg?",
        "select round(sum(flaeche_qm),2) from nutzeinheiten n join objekte o on o.id=n.objekt_id where o.ort='Magdeburg'",
    ),
    (
        "what is the average number of units per building?",
        "select round(1.0*(select count(*) from nutzeinheiten)/(select count(*) from objekte),2)",
    ),
    # groups
    ("customers per city", "select ort,count(*) from kunden group by ort order by 2 desc"),
    (
        "How many buildings are there per heating type?",
        "select heizungsart,count(*) from objekte group by heizungsart order by 2 desc",
    ),
    ("Anzahl der Kunden pro Ort", "select ort,count(*) from kunden group by ort order by 2 desc"),
    (
        "show the number of devices by manufacturer",
        "select hersteller,count(*) from geraete group by hersteller order by 2 desc",
    ),
    (
        "Wie viele Ablesungen gibt es je Jahr?",
        "select substr(datum,1,4),count(*) from ablesungen group by 1 order by 1",
    ),
    (
        "total cost per city",
        "select o.ort, round(sum(gesamtkosten),2) from abrechnungen a join objekte o on o.id=a.objekt_id group by o.ort order by 2 desc",
    ),
    (
        "average flat size per city",
        "select o.ort, round(avg(flaeche_qm),2) from nutzeinheiten n join objekte o on o.id=n.objekt_id group by o.ort order by 2 desc",
    ),
    (
        "billings by status in 2023",
        "select status,count(*) from abrechnungen where jahr=2023 group by status order by 2 desc",
    ),
    # best and most
    (
        "list the 5 oldest buildings",
        "select bezeichnung from objekte order by baujahr, bezeichnung limit 5",
    ),
    (
        "Zeige die drei neuesten Gebäude in Leipzig",
        "select bezeichnung from objekte where ort='Leipzig' order by baujahr desc, bezeichnung limit 3",
    ),
    ("which flat is the largest?", "select max(flaeche_qm) from nutzeinheiten"),
    (
        "Which customer has the most properties?",
        "select k.name, count(*) n from kunden k join objekte o on o.kunde_id=k.id group by k.id order by n desc, k.name limit 1",
    ),
    (
        "Welcher Kunde hat die meisten Wohnungen?",
        "select k.name, count(*) n from kunden k join objekte o on o.kunde_id=k.id join nutzeinheiten u on u.objekt_id=o.id group by k.id order by n desc, k.name limit 1",
    ),
    (
        "which city has the most customers?",
        "select ort,count(*) n from kunden group by ort order by n desc, ort limit 1",
    ),
    (
        "top 3 buildings with the most devices",
        "select o.bezeichnung, count(*) n from objekte o join nutzeinheiten u on u.objekt_id=o.id join geraete g on g.nutzeinheit_id=u.id group by o.id order by n desc, o.bezeichnung limit 3",
    ),
    (
        "What is the most common heating type?",
        "select heizungsart,count(*) n from objekte group by heizungsart order by n desc limit 1",
    ),
    (
        "Which building had the highest costs in 2022?",
        "select o.bezeichnung, round(sum(gesamtkosten),2) s from abrechnungen a join objekte o on o.id=a.objekt_id where jahr=2022 group by o.id order by s desc limit 1",
    ),
    (
        "who is our longest standing customer?",
        "select name from kunden order by kunde_seit, name limit 1",
    ),
    (
        "Which city has the fewest buildings?",
        "select ort,count(*) n from objekte group by ort order by n, ort limit 1",
    ),
    # lists
    (
        "List all customers in Magdeburg",
        "select name from kunden where ort='Magdeburg' order by name",
    ),
    (
        "Welche Kunden sitzen in Hamburg?",
        "select name from kunden where ort='Hamburg' order by name",
    ),
    ("which heating types are there?", "select distinct heizungsart from objekte order by 1"),
    ("In welchen Städten haben wir Kunden?", "select distinct ort from kunden order by 1"),
    ("What manufacturers do we have?", "select distinct hersteller from geraete order by 1"),
    (
        "Show me buildings in Köln with pellets",
        "select bezeichnung from objekte where ort='Köln' and heizungsart='Pellets' order by bezeichnung",
    ),
    (
        "Wie viele Geräte ohne Ablesungen gibt es?",
        "select count(*) from geraete where id not in (select geraet_id from ablesungen)",
    ),
    (
        "Wie viele Kunden haben Objekte in Berlin?",
        "select count(distinct kunde_id) from objekte where ort='Berlin'",
    ),
    (
        "How many buildings of Hausverwaltung Schmidt GmbH are there?",
        "select count(*) from objekte o join kunden k on k.id=o.kunde_id where k.name like 'Hausverwaltung Schmidt GmbH%'",
    ),
    (
        "which units in Leipzig are vacant?",
        (
            "select n.nummer, o.bezeichnung from nutzeinheiten n join objekte o on o.id=n.objekt_id"
            " where o.ort='Leipzig' and nutzer='Leerstand' order by n.nummer"
        ),
    ),
    ("list 10 devices", "select geraetenummer from geraete order by geraetenummer limit 10"),
    (
        "What is the email of customer {kundennummer}?",
        "select email from kunden where kundennummer='{kundennummer}'",
    ),
    (
        "In welchem Ort steht Objekt {objektnummer}?",
        "select ort from objekte where objektnummer='{objektnummer}'",
    ),
    (
        "how many devices by {hersteller} are there?",
        "select count(*) from geraete where hersteller='{hersteller}'",
    ),
    (
        "Wie viele Geräte von {hersteller} gibt es in Berlin?",
        "select count(*) from geraete g join nutzeinheiten n on n.id=g.nutzeinheit_id join objekte o on o.id=n.objekt_id where hersteller='{hersteller}' and o.ort='Berlin'",
    ),
    (
        "when was building {objektnummer} built?",
        "select baujahr from objekte where objektnummer='{objektnummer}'",
    ),
)

HELD_OUT: tuple[tuple[str, str], ...] = (
    (
        "Tell me how many clients are located in Potsdam",
        "select count(*) from kunden where ort='Potsdam'",
    ),
    ("What is the number of houses in Erfurt?", "select count(*) from objekte where ort='Erfurt'"),
    (
        "Wie viele Häuser haben eine Ölheizung?",
        "select count(*) from objekte where heizungsart='Öl'",
    ),
    (
        "How many pellet-heated buildings exist?",
        "select count(*) from objekte where heizungsart='Pellets'",
    ),
    (
        "how many water meters for cold water do we have",
        "select count(*) from geraete where typ='Kaltwasserzähler'",
    ),
    (
        "Wie viele Warmwasserzähler gibt es in Leipzig?",
        "select count(*) from geraete g join nutzeinheiten n on n.id=g.nutzeinheit_id join objekte o on o.id=n.objekt_id where typ='Warmwasserzähler' and o.ort='Leipzig'",
    ),
    ("Anzahl Wohnungen über 80 m²", "select count(*) from nutzeinheiten where flaeche_qm>80"),
    (
        "How many flats have at least 120 sqm?",
        "select count(*) from nutzeinheiten where flaeche_qm>=120",
    ),
    ("how many units are empty?", "select count(*) from nutzeinheiten where nutzer='Leerstand'"),
    (
        "Wie viele Wohnungen stehen leer?",
        "select count(*) from nutzeinheiten where nutzer='Leerstand'",
    ),
    (
        "How many statements were sent in 2023?",
        "select count(*) from abrechnungen where status='versendet' and jahr=2023",
    ),
    (
        "Wie viele Abrechnungen aus 2022 sind noch offen?",
        "select count(*) from abrechnungen where status='offen' and jahr=2022",
    ),
    (
        "How many customers came after 2018?",
        "select count(*) from kunden where kunde_seit>='2019-01-01'",
    ),
    (
        "How many buildings does each customer have on average?",
        "select round(1.0*(select count(*) from objekte)/(select count(*) from kunden),2)",
    ),
    (
        "Which customers have more than 5 properties?",
        "select name from kunden k where (select count(*) from objekte o where o.kunde_id=k.id)>5 order by name",
    ),
    (
        "What did heating cost overall in 2023?",
        "select round(sum(gesamtkosten),2) from abrechnungen where jahr=2023",
    ),
    (
        "sum of costs by heating type",
        "select heizungsart, round(sum(gesamtkosten),2) from abrechnungen a join objekte o on o.id=a.objekt_id group by heizungsart order by 2 desc",
    ),
    (
        "Durchschnittliche Wohnungsgröße je Stadt",
        "select o.ort, round(avg(flaeche_qm),2) from nutzeinheiten n join objekte o on o.id=n.objekt_id group by o.ort order by 2 desc",
    ),
    (
        "What is the mean construction year of buildings in Dresden?",
        "select round(avg(baujahr),2) from objekte where ort='Dresden'",
    ),
    (
        "show the 3 largest flats in Berlin",
        "select flaeche_qm from nutzeinheiten n join objekte o on o.id=n.objekt_id where o.ort='Berlin' order by flaeche_qm desc limit 3",
    ),
    (
        "Which is the newest building in Hamburg?",
        "select max(baujahr) from objekte where ort='Hamburg'",
    ),
    ("Was ist das älteste Gebäude in Köln?", "select min(baujahr) from objekte where ort='Köln'"),
    (
        "Welche Stadt hat die wenigsten Kunden?",
        "select ort,count(*) n from kunden group by ort order by n, ort limit 1",
    ),
    (
        "Nenne die fünf Kunden mit den meisten Gebäuden",
        "select k.name, count(*) n from kunden k join objekte o on o.kunde_id=k.id group by k.id order by n desc, k.name limit 5",
    ),
    (
        "Which manufacturer made the most devices?",
        "select hersteller,count(*) n from geraete group by hersteller order by n desc limit 1",
    ),
    (
        "what is the cheapest billing in 2024?",
        "select min(gesamtkosten) from abrechnungen where jahr=2024",
    ),
    ("Give me a list of all cities with buildings", "select distinct ort from objekte order by 1"),
    ("what device types exist?", "select distinct typ from geraete order by 1"),
    ("Welche Heizungsarten gibt es?", "select distinct heizungsart from objekte order by 1"),
    ("Where do our customers live?", "select distinct ort from kunden order by 1"),
    (
        "list the gas heated buildings in Erfurt built after 1990",
        "select bezeichnung from objekte where ort='Erfurt' and heizungsart='Gas' and baujahr>1990 order by bezeichnung",
    ),
    (
        "how many buildings were constructed in 1995?",
        "select count(*) from objekte where baujahr=1995",
    ),
    (
        "how many heat meters were mounted before 2016?",
        "select count(*) from geraete where typ='Wärmemengenzähler' and einbaudatum<'2016-01-01'",
    ),
    (
        "Number of readings per year",
        "select substr(datum,1,4),count(*) from ablesungen group by 1 order by 1",
    ),
    (
        "Wie viele Nutzeinheiten gibt es pro Gebäude im Durchschnitt?",
        "select round(1.0*(select count(*) from nutzeinheiten)/(select count(*) from objekte),2)",
    ),
    (
        "count customers from Berlin and Hamburg",
        "select count(*) from kunden where ort in ('Berlin','Hamburg')",
    ),
    (
        "how many customers are outside of Leipzig?",
        "select count(*) from kunden where ort<>'Leipzig'",
    ),
    (
        "Wie lautet die E-Mail von Kunde {kundennummer}?",
        "select email from kunden where kundennummer='{kundennummer}'",
    ),
    (
        "Which customer owns building {objektnummer}?",
        "select k.name from kunden k join objekte o on o.kunde_id=k.id where o.objektnummer='{objektnummer}'",
    ),
    (
        "how many flats does building {objektnummer} have?",
        "select count(*) from nutzeinheiten n join objekte o on o.id=n.objekt_id where o.objektnummer='{objektnummer}'",
    ),
)
"""Written after the rules, to see how far they carry; see ``HELD_OUT_FLOOR`` in the tests."""
