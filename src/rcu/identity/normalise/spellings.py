"""The same given name as it is spelled elsewhere: in other scripts, languages and old registers."""

from __future__ import annotations

from typing import Final

OTHER_SPELLINGS: Final = """
abdullah: abdallah abdulla
ahmed: ahmad
aisha: aysha aicha ayesha
alexander: aleksandr alexandr
alexey: aleksey aleksei alexei
antonio: tono toni
ashley: ashleigh
bridget: brid bridie
caitlin: kaitlyn
catherine: cait caitlin kathleen kathryn
charles: chas
daniel: danl
derek: derrick
dimitrios: dimitris
dmitry: dmitrii dmitri dmitriy dimitri
dolores: lola
edward: edw edwd
elizabeth: eliz
evgeny: yevgeny evgenii eugene
fatima: fatma fatimah
francisco: fco paco pancho
frederick: fredk
friedrich: fritz
geoffrey: jeffrey
george: geo
georgios: giorgos yiorgos george
giuseppe: beppe
graham: graeme
hassan: hasan
hussein: hussain husain husein hossein
ibrahim: ebrahim
ignacio: nacho
ioannis: giannis yannis
ivan: vanya
jamal: gamal
james: seamus jas jaime
johannes: johann hans
john: sean jno
jose: pepe
joseph: jos
karim: kareem
katerina: ekaterina yekaterina
khadija: khadijah
khalid: khaled
konstantinos: kostas
ksenia: kseniya kseniia xenia
layla: laila leila leyla
lee: leigh
louis: lewis
manuel: manolo
margaret: mairead margt
maria: ma mari
mariam: maryam miriam
mary: maire maura
michaela: mikayla
mikhail: misha
mohamed: mohd muhamad muhammed mhd
natalia: natalya nataliia natasha
nathaniel: nathl
nikolaos: nikos
nour: noor nur
omar: umar omer
osman: uthman othman
panagiotis: panos
patrick: padraig
peder: per petter
rashid: rasheed
rhys: reece
richard: richd
robert: robt
said: saeed
samuel: saml
sean: shaun shawn
sergey: sergei sergej serguei
stephen: steven
stuart: stewart
suleiman: sulayman sulaiman soliman
tariq: tarek tareq
tatiana: tatyana tatjana tanya
thomas: thos
vladimir: volodymyr vova
yelena: elena
yulia: yuliya iuliia julia
yury: yuri iurii juri
yusuf: youssef yousef yousuf
zainab: zaynab zeinab
"""
"""Names that come out of other scripts in several ways, those of other languages, and what old
registers abbreviate."""
