"""Given and family names to invent people from, as they are common in France."""

from __future__ import annotations

WOMEN_BORN_BEFORE_1965 = (
    "Monique", "Françoise", "Catherine", "Martine", "Jacqueline", "Nicole", "Annie", "Chantal",
    "Brigitte", "Danielle", "Élisabeth", "Bernadette", "Sylvie", "Marie-Claude", "Marie-Thérèse",
    "Colette", "Yvette", "Ginette", "Odile", "Geneviève", "Anne-Marie", "Fatima",
)  # fmt: skip
WOMEN_BORN_BEFORE_1990 = (
    "Nathalie", "Isabelle", "Valérie", "Véronique", "Stéphanie", "Céline", "Sandrine", "Aurélie",
    "Émilie", "Delphine", "Karine", "Virginie", "Laurence", "Christelle", "Séverine", "Hélène",
    "Anne-Sophie", "Marie-Laure", "Nadia", "Samira", "Patricia", "Florence", "Gaëlle", "Élodie",
)  # fmt: skip
WOMEN_BORN_LATER = (
    "Camille", "Manon", "Léa", "Chloé", "Inès", "Zoé", "Jade", "Clémence", "Margaux", "Mathilde",
    "Alice", "Louise", "Noémie", "Yasmine", "Lina", "Maëlys", "Anaïs", "Ambre", "Eva", "Romane",
)  # fmt: skip
MEN_BORN_BEFORE_1965 = (
    "Michel", "Bernard", "Gérard", "Daniel", "Alain", "Christian", "Philippe", "Jean-Pierre",
    "Jean-Claude", "Jacques", "André", "René", "Roger", "Claude", "Serge", "Patrick", "Guy",
    "Jean-Louis", "Dominique", "Yves", "Francis", "Mohamed", "Antonio",
)  # fmt: skip
MEN_BORN_BEFORE_1990 = (
    "Christophe", "Frédéric", "Stéphane", "Laurent", "Olivier", "Nicolas", "Sébastien", "Julien",
    "David", "Jérôme", "Thierry", "Guillaume", "Vincent", "Alexandre", "Benjamin", "Grégory",
    "Cédric", "Mathieu", "Jean-Baptiste", "Pierre-Yves", "Karim", "Mickaël", "Emmanuel", "Fabrice",
)  # fmt: skip
MEN_BORN_LATER = (
    "Thomas", "Lucas", "Hugo", "Théo", "Maxime", "Antoine", "Nathan", "Enzo", "Louis", "Gabriel",
    "Arthur", "Jules", "Raphaël", "Adam", "Mehdi", "Baptiste", "Clément", "Léo", "Paul", "Samuel",
)  # fmt: skip

DIMINUTIVES = {
    "Alexandre": "Alex", "Antoine": "Tony", "Benjamin": "Ben", "Catherine": "Cathy",
    "Christophe": "Chris", "Christelle": "Chris", "Daniel": "Dany", "Danielle": "Dany",
    "Dominique": "Dom", "Élisabeth": "Babeth", "Emmanuel": "Manu", "Françoise": "Fanfan",
    "Frédéric": "Fred", "Grégory": "Greg", "Isabelle": "Isa", "Jacqueline": "Jackie",
    "Mathieu": "Mat", "Maxime": "Max", "Mohamed": "Momo", "Nathalie": "Nath", "Nicolas": "Nico",
    "Patricia": "Patou", "Philippe": "Phil", "Samuel": "Sam", "Sébastien": "Seb",
    "Stéphane": "Steph", "Stéphanie": "Steph", "Thomas": "Tom", "Véronique": "Véro",
    "Vincent": "Vince", "Virginie": "Virg",
}  # fmt: skip

FAMILY_NAMES = (
    # as common as names get
    "Martin", "Bernard", "Dubois", "Petit", "Durand", "Leroy", "Moreau", "Simon", "Laurent",
    "Lefèvre", "Roux", "Fournier", "Girard", "Mercier", "Dupont", "Lambert", "Bonnet", "François",
    "Garnier", "Faure", "Rousseau", "Blanc", "Guérin", "Muller", "Chevalier", "Gauthier", "Perrin",
    "Robin", "Masson", "Dumont", "Lemaire", "Benali", "Nguyen", "Garcia", "Da Silva", "Diallo",
    # less so, and local to the stores' regions
    "Vandenbroucke", "Delattre", "Wattiez", "Carpentier", "Lesaffre", "Debruyne", "Quesnel",
    "Lecourtois", "Auvray", "Héricher", "Le Goff", "Kervella", "Le Bihan", "Guégan", "Tanguy",
    "Rivoallan", "Schmitt", "Oberlin", "Klein", "Wurtz", "Ehrhart", "Kieffer", "Puech", "Cazals",
    "Fabrègues", "Rouquette", "Bousquet", "Calmels", "Chabert", "Revol", "Bouvard", "Jacquemond",
    "Thévenet", "Berthollet", "Etcheverry", "Darrieumerlou", "Lasserre", "Peyrelongue", "Cadiou",
    "Brémond", "Sauvageot", "Colin-Maillard", "Vial", "Pottier", "Hamel", "Baudry", "Chauvière",
    "Grimault", "Loiseau", "Mesnard", "Barbotin", "Couturier", "Fayolle", "Giraudet", "Mazoyer",
    "Tissandier", "Vauzelle", "Zimmermann", "Ferreira", "Pinto", "Haddad", "Belkacem", "Cissé",
    "Traoré", "Kowalski", "Rossi", "Marchetti", "Yilmaz", "Tran", "Sok", "Bensaïd", "El Amrani",
    # particles and double names
    "de La Motte", "de Saint-Aubin", "du Plessis", "Le Roy", "d'Hauteville", "de Kergoat",
    "Martin-Leroux", "Petit-Jean", "Roche-Vernier", "Bonneau-Delmas", "Saint-Lary", "des Ormeaux",
)  # fmt: skip
