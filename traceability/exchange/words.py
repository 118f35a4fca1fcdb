"""The words of GS1's Core Business Vocabulary (CBV 2.0, section 7), in the bare form of JSON documents.

Sensor measurement types are not listed: GS1's own examples use types that its list does not have
(`Molar_concentration`), so any word is accepted.
"""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


STEPS = _words("""
    accepting arriving assembling collecting commissioning consigning creating_class_instance
    cycle_counting decommissioning departing destroying disassembling dispensing encoding
    entering_exiting holding inspecting installing killing loading other packing picking receiving
    removing repackaging repairing replacing reserving retail_selling sampling sensor_reporting shipping
    staging_outbound stock_taking stocking storing transporting unloading unpacking void_shipping
""")
DISPOSITIONS = _words("""
    active available completeness_inferred completeness_verified conformant container_closed
    container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive
    mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match
    non_conformant non_sellable_other partially_dispensed recalled reserved retail_sold returned
    sellable_accessible sellable_not_accessible stolen unavailable unknown
""")
TRANSACTIONS = _words("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt")
SIDES = _words("owning_party possessing_party location")
REASONS = _words("did_not_occur incorrect_data")
ALERTS = _words("ALARM_CONDITION ERROR_CONDITION")
COMPONENTS = _words("""
    x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing
    latitude longitude altitude
""")
